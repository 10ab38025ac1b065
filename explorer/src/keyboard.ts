/** What keys do, everywhere on the page but in fields. Help lists them from here. */

import { choices, mappedBy } from "./parts/saliency";
import { episodeBy, eventBy, playOrPause, stepBy, unitBy } from "./parts/walking";
import { choose, chosen } from "./state";

export interface Key {
	/** As `KeyboardEvent.key`. */
	key: string;
	withShift?: boolean;
	/** As people call it. */
	name: string;
	does: string;
	run: () => void;
}

/** A note is begun: the notes' field takes the focus once it is there. */
export function beginNote(): void {
	choose("tab", "notes");
	requestAnimationFrame(() => document.getElementById("note-text")?.focus());
}

let lastSaliency = "";

/** From no saliency to the last one, or the first there is, and back. */
export function toggleSaliency(): void {
	const now = chosen.value.saliency ?? "";
	if (now) lastSaliency = now;
	choose("saliency", now ? "" : lastSaliency || (choices()[0]?.value ?? ""));
}

export function openHelp(): void {
	const dialog = document.getElementById("keys-dialog") as HTMLDialogElement | null;
	if (dialog && !dialog.open) dialog.showModal();
}

export const KEYS: readonly Key[] = [
	{ key: " ", name: "space", does: "play, pause", run: playOrPause },
	{ key: "ArrowLeft", name: "←", does: "one decision back", run: () => stepBy(-1) },
	{ key: "ArrowRight", name: "→", does: "one decision on", run: () => stepBy(1) },
	{ key: "ArrowLeft", withShift: true, name: "shift ←", does: "ten decisions back", run: () => stepBy(-10) },
	{ key: "ArrowRight", withShift: true, name: "shift →", does: "ten decisions on", run: () => stepBy(10) },
	{ key: "[", name: "[", does: "previous episode", run: () => episodeBy(-1) },
	{ key: "]", name: "]", does: "next episode", run: () => episodeBy(1) },
	{ key: "e", name: "e", does: "next event", run: () => eventBy(1) },
	{ key: "E", name: "shift e", does: "previous event", run: () => eventBy(-1) },
	{ key: "u", name: "u", does: "next unit of the layer", run: () => unitBy(1) },
	{ key: "U", name: "shift u", does: "previous unit of the layer", run: () => unitBy(-1) },
	{ key: "s", name: "s", does: "saliency over the frame, on and off", run: toggleSaliency },
	{ key: "m", name: "m", does: "next moment with saliency", run: () => mappedBy(1) },
	{ key: "M", name: "shift m", does: "previous moment with saliency", run: () => mappedBy(-1) },
	{ key: "n", name: "n", does: "write a note", run: beginNote },
	{ key: "1", name: "1", does: "embedding", run: () => choose("tab", "embedding") },
	{ key: "2", name: "2", does: "images", run: () => choose("tab", "images") },
	{ key: "3", name: "3", does: "tables", run: () => choose("tab", "tables") },
	{ key: "4", name: "4", does: "notes", run: () => choose("tab", "notes") },
	{ key: "?", name: "?", does: "this list", run: openHelp },
];

/** Which key of the list was pressed; null for one that is not ours, or that the focused element needs itself. */
export function keyOf(event: KeyboardEvent): Key | null {
	if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
	const found = KEYS.find(
		({ key, withShift }) => key === event.key && (!key.startsWith("Arrow") || Boolean(withShift) === event.shiftKey),
	);
	return found && !isNeeded(event) ? found : null;
}

/** Fields need all keys, buttons the space bar, sliders and tabs the arrows. */
function isNeeded(event: KeyboardEvent): boolean {
	const target = event.target as Element | null;
	if (!target?.closest) return false;
	if (target.closest("dialog, textarea, select, [contenteditable]:not([contenteditable=false])")) return true;
	const input = target.closest("input");
	if (input && input.type !== "range" && input.type !== "checkbox" && input.type !== "radio") return true;
	if (event.key === " ") return Boolean(input || target.closest("button, a, summary, [role=button], [role=option]"));
	return event.key.startsWith("Arrow") && Boolean(input || target.closest("[role=tab], [role=listbox], [role=slider]"));
}

/** While the explorer fills less of the window, keys belong to what is below it, and scroll. */
const LEAST_SHARE = 0.4;

function isInView(): boolean {
	const place = document.getElementById("explorer");
	if (!place) return false;
	if (place.contains(document.activeElement)) return true;
	const { top, bottom } = place.getBoundingClientRect();
	return Math.min(bottom, innerHeight) - Math.max(top, 0) > LEAST_SHARE * innerHeight;
}

/** Returns what ends it. */
export function listenToKeys(): () => void {
	const hear = (event: KeyboardEvent) => {
		const found = keyOf(event);
		if (!found || !isInView()) return;
		event.preventDefault();
		found.run();
	};
	document.addEventListener("keydown", hear);
	return () => document.removeEventListener("keydown", hear);
}
