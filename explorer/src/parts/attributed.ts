/** Which shown images have maps of what moved the network, in whichever set they were computed. */

import { readColumn } from "../data/loading";
import type { ImagesPanel } from "../data/schema";
import { classOf, imageOf, placeOfPair } from "./shown";

export interface Attributed {
	panel: ImagesPanel;
	target: ImagesPanel["saliency"][number];
	/** Row of the target's maps. */
	row: number;
}

/** The same picture has the same in every set: its name, its class, and where it was shown. */
function keyOf(panel: ImagesPanel, pair: number): string {
	return JSON.stringify([
		panel.names[imageOf(panel, pair)],
		panel.classes[classOf(panel, pair)],
		panel.places[placeOfPair(panel, pair)],
	]);
}

const known = new WeakMap<ImagesPanel, Promise<Map<string, number>>>();

/** Rows of the maps of a set by the pictures they are of. */
function rowsOf(panel: ImagesPanel): Promise<Map<string, number>> {
	const held = known.get(panel);
	if (held) return held;
	const made = (async () => {
		const pairs = panel.saliency_rows ? await readColumn(panel.saliency_rows) : null;
		const count = pairs?.length ?? panel.names.length * panel.places.length;
		return new Map(Array.from({ length: count }, (_, row) => [keyOf(panel, pairs?.[row] ?? row), row]));
	})();
	known.set(panel, made);
	made.catch(() => known.delete(panel));
	return made;
}

/** What is known of a picture of `panel`: of its own set first, then of the others. */
export async function attributionsOf(
	panel: ImagesPanel,
	all: readonly ImagesPanel[],
	pair: number,
): Promise<Attributed[]> {
	const found: Attributed[] = [];
	for (const each of [panel, ...all.filter((other) => other !== panel)]) {
		if (each.saliency.length === 0) continue;
		const row = (await rowsOf(each)).get(keyOf(panel, pair));
		if (row === undefined) continue;
		for (const target of each.saliency)
			if (!found.some((other) => other.target.name === target.name)) found.push({ panel: each, target, row });
	}
	return found;
}

/** The pictures of `panel` of which there are maps, ascending. */
export async function attributedPairs(panel: ImagesPanel, all: readonly ImagesPanel[]): Promise<number[]> {
	const keys = new Set<string>();
	for (const each of all) if (each.saliency.length) for (const key of (await rowsOf(each)).keys()) keys.add(key);
	const pairs = Array.from({ length: panel.names.length * panel.places.length }, (_, pair) => pair);
	return keys.size ? pairs.filter((pair) => keys.has(keyOf(panel, pair))) : [];
}

/** The picture of the same class, else of any, nearest in the set; null if none has maps. */
export function nearestAttributed(panel: ImagesPanel, pair: number, pairs: readonly number[]): number | null {
	const own = pairs.filter((each) => classOf(panel, each) === classOf(panel, pair));
	const among = own.length ? own : pairs;
	return among.reduce<number | null>(
		(best, each) => (best === null || Math.abs(each - pair) < Math.abs(best - pair) ? each : best),
		null,
	);
}
