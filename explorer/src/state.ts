/**
 * The one state of the page: everything that is picked, and what is looked at. All views read it and write to it, and
 * know nothing of one another. It stands in the address.
 */

import { computed, effect, signal } from "@preact/signals";
import { episodeOf } from "./data/episodes";
import type { Index, Layer, Panel } from "./data/schema";
import { measuredOnly } from "./parts/measured";
import { evaluate } from "./selection";

export interface Unit {
	layer: string;
	unit: number;
}

export const index = signal<Index | null>(null);
/** A row of the recording. */
export const moment = signal(0);
/** A recipe; empty for none. */
export const selection = signal("");
export const unit = signal<Unit | null>(null);
/** Frames trained of the checkpoint whose fields are shown; null for the last. */
export const checkpoint = signal<number | null>(null);
/** Moments that traces and raster show, [start, stop); null for all. */
export const stretch = signal<[number, number] | null>(null);
/** What else is chosen by name, so that a link shows the same: layer and colour of the embedding, tabs, saliency. */
export const chosen = signal<Record<string, string>>({});
export const isPlaying = signal(false);

/** Layers that were measured and of which no activity is here; their units can be picked too. */
export const measured = computed(() => (index.value ? measuredOnly(index.value) : []));
export const recording = computed(() => index.value?.recording ?? null);

/** The moments of the selection; null while there is no selection. */
export const selected = signal<Int32Array | null>(null);
/** Why the selection could not be made; empty if it could. */
export const selectionFault = signal("");

export function choose(name: string, value: string): void {
	if (chosen.value[name] !== value) chosen.value = { ...chosen.value, [name]: value };
}

/** As it was before anything was chosen. */
export function forget(name: string): void {
	const { [name]: gone, ...others } = chosen.value;
	if (gone !== undefined) chosen.value = others;
}

export function goTo(row: number): void {
	const rows = recording.value?.rows ?? 0;
	if (rows) moment.value = Math.min(Math.max(Math.round(row), 0), rows - 1);
}

/** Take a recipe as the selection; with `adding`, beside the one that is there. */
export function select(recipe: string, adding = false): void {
	selection.value = adding && selection.value && recipe ? `${selection.value}|${recipe}` : recipe;
}

export function pickUnit(layer: string, number: number): void {
	const known = layerOf(layer);
	if (known && number >= 0 && number < known.units) unit.value = { layer, unit: number };
}

export function layerOf(name: string): Layer | null {
	const isIt = (each: Layer) => each.name === name;
	return index.value?.layers.find(isIt) ?? measured.value.find(isIt) ?? null;
}

export function panelsOf<Kind extends Panel["kind"]>(kind: Kind): Extract<Panel, { kind: Kind }>[] {
	return (index.value?.panels.filter((each) => each.kind === kind) ?? []) as Extract<Panel, { kind: Kind }>[];
}

/** Number of the episode that a moment belongs to. */
export const episodeAt = (row: number): number => episodeOf(recording.value?.episodes ?? [], row);

/** Without its #. */
export function address(): string {
	const parts = new URLSearchParams();
	if (recording.value) parts.set("moment", String(moment.value));
	if (selection.value) parts.set("selection", selection.value);
	if (unit.value) parts.set("unit", `${unit.value.layer}/${unit.value.unit}`);
	if (checkpoint.value !== null) parts.set("checkpoint", String(checkpoint.value));
	if (stretch.value) parts.set("stretch", stretch.value.join("-"));
	for (const [name, value] of Object.entries(chosen.value)) parts.set(`view.${name}`, value);
	return parts.toString();
}

/** Take the state from an address; what it does not say, or says wrongly, is as at the start. */
export function readAddress(text: string): void {
	const parts = new URLSearchParams(text.replace(/^#/, ""));
	const rows = recording.value?.rows ?? 0;
	const row = Number(parts.get("moment") ?? 0);
	moment.value = Number.isInteger(row) && row >= 0 && row < rows ? row : 0;
	selection.value = parts.get("selection") ?? "";
	const [, layer, number] = /^(.*)\/(\d+)$/.exec(parts.get("unit") ?? "") ?? [];
	unit.value = null;
	if (layer !== undefined) pickUnit(layer, Number(number));
	const frames = parts.get("checkpoint");
	checkpoint.value = frames === null || Number.isNaN(Number(frames)) ? null : Number(frames);
	const [start, stop] = (parts.get("stretch") ?? "").split("-").map(Number);
	stretch.value = start !== undefined && stop !== undefined && start < stop && stop <= rows ? [start, stop] : null;
	const views: Record<string, string> = {};
	for (const [name, value] of parts) if (name.startsWith("view.")) views[name.slice(5)] = value;
	chosen.value = views;
}

/** An address that means the report, or a section of it, not a state of the explorer. */
export function isOfReport(hash: string): boolean {
	return hash !== "" && hash !== "#" && hash !== "#explorer" && !hash.includes("=");
}

function writeAddress(text: string): void {
	if (isOfReport(location.hash)) return;
	try {
		history.replaceState(null, "", text);
	} catch {
		// A frame in a notebook has no address of its own.
	}
}

/** Keep address and selection in step with the state. */
export function follow(): void {
	let pending = 0;
	effect(() => {
		const text = `#${address()}`;
		clearTimeout(pending);
		// Browsers allow some hundred changes of the address a minute, fewer than a movie has frames.
		pending = window.setTimeout(() => writeAddress(text), isPlaying.value ? 1000 : 200);
	});
	window.addEventListener("hashchange", () => isOfReport(location.hash) || readAddress(location.hash));
	let asked = 0;
	effect(() => {
		const [recipe, known] = [selection.value, index.value];
		const mine = ++asked;
		selectionFault.value = "";
		if (!recipe || !known) {
			selected.value = null;
			return;
		}
		evaluate(recipe, known).then(
			(rows) => {
				if (mine === asked) selected.value = rows;
			},
			(error: Error) => {
				if (mine !== asked) return;
				selected.value = null;
				selectionFault.value = error.message;
			},
		);
	});
}
