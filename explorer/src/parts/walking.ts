/** Ways through a recording: by decisions, episodes, events and units. Buttons and keys use the same ones. */

import { readColumn } from "../data/loading";
import type { EventClass, Recording } from "../data/schema";
import { episodeAt, goTo, index, isPlaying, moment, pickUnit, recording, unit } from "../state";
import { firstFrom } from "./searching";

/** Events of all classes by their moments. */
export interface Happened {
	/** Ascending. */
	rows: Int32Array;
	/** Of each of `rows`: its place in `recording.events`. */
	classes: Uint16Array;
	/** Why some are missing; empty if none are. */
	fault: string;
}

const merged = new WeakMap<Recording, Promise<Happened>>();

/** Events of all classes, those of a damaged class left out. */
export function happenedIn(known: Recording): Promise<Happened> {
	const held = merged.get(known);
	if (held) return held;
	const made = merge(known.events);
	merged.set(known, made);
	made.then((happened) => happened.fault && merged.delete(known));
	return made;
}

async function merge(events: EventClass[]): Promise<Happened> {
	const read = await Promise.allSettled(events.map((each) => readColumn(each.rows)));
	const pairs: [number, number][] = [];
	let fault = "";
	read.forEach((answer, number) => {
		if (answer.status === "rejected") fault = (answer.reason as Error).message;
		else for (const row of answer.value) pairs.push([row, number]);
	});
	pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
	return {
		rows: Int32Array.from(pairs, ([row]) => row),
		classes: Uint16Array.from(pairs, ([, number]) => number),
		fault,
	};
}

/** Classes of what happened at a moment. */
export function classesAt(happened: Happened, row: number): number[] {
	const found: number[] = [];
	for (let i = firstFrom(happened.rows, row); happened.rows[i] === row; i++) found.push(happened.classes[i] as number);
	return found;
}

export function stepBy(decisions: number): void {
	isPlaying.value = false;
	goTo(moment.value + decisions);
}

/** To the start of an episode before or after this one. */
export function episodeBy(episodes: number): void {
	const all = recording.value?.episodes ?? [];
	const wanted = Math.min(Math.max(episodeAt(moment.value) + episodes, 0), all.length - 1);
	const found = all[wanted];
	if (found) goTo(found.start);
}

/** To the next (1) or the last (-1) moment at which something happened. */
export async function eventBy(direction: 1 | -1): Promise<void> {
	const known = recording.value;
	if (!known) return;
	const { rows } = await happenedIn(known);
	const found = direction === 1 ? rows[firstFrom(rows, moment.value + 1)] : rows[firstFrom(rows, moment.value) - 1];
	if (found === undefined) return;
	isPlaying.value = false;
	goTo(found);
}

/** To the next or the last unit of the picked unit's layer, round and round. */
export function unitBy(units: number): void {
	const layers = index.value?.layers ?? [];
	const layer = layers.find((each) => each.name === unit.value?.layer) ?? layers[0];
	if (!layer) return;
	const at = unit.value ? unit.value.unit + units : 0;
	pickUnit(layer.name, (at + layer.units) % layer.units);
}

/** From the end of the recording playing begins anew. */
export function playOrPause(): void {
	const rows = recording.value?.rows ?? 0;
	if (!rows) return;
	if (!isPlaying.value && moment.value >= rows - 1) goTo(0);
	isPlaying.value = !isPlaying.value;
}
