/** A line drawn by hand as a polygon that fits into an address. */

import { named } from "../selection";

export type Corner = [number, number];

export const MOST_CORNERS = 60;

/** Ramer-Douglas-Peucker: corners nearer than `tolerance` to the line without them are left out. */
export function simplified(corners: readonly Corner[], tolerance: number): Corner[] {
	if (corners.length < 3) return corners.slice();
	const keep = new Uint8Array(corners.length);
	keep[0] = 1;
	keep[corners.length - 1] = 1;
	const open: [number, number][] = [[0, corners.length - 1]];
	for (let pair = open.pop(); pair; pair = open.pop()) {
		const [first, last] = pair;
		let [furthest, at] = [tolerance, -1];
		for (let i = first + 1; i < last; i++) {
			const distance = toLine(corners[i] as Corner, corners[first] as Corner, corners[last] as Corner);
			if (distance > furthest) [furthest, at] = [distance, i];
		}
		if (at < 0) continue;
		keep[at] = 1;
		open.push([first, at], [at, last]);
	}
	return corners.filter((_, i) => keep[i]);
}

function toLine([x, y]: Corner, [ax, ay]: Corner, [bx, by]: Corner): number {
	const [dx, dy] = [bx - ax, by - ay];
	const length = dx * dx + dy * dy;
	const along = length ? Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / length, 0), 1) : 0;
	return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/**
 * The recipe of the moments inside of a line, in coordinates of the data; empty where it encloses nothing.
 *
 * `pixel` is the size of a pixel as drawn: the line is simplified no more than that, unless it has too many corners.
 */
export function recipeOfLasso(panel: string, line: readonly Corner[], pixel: number): string {
	let tolerance = pixel;
	let corners = simplified(line, tolerance);
	while (corners.length > MOST_CORNERS) {
		tolerance *= 1.5;
		corners = simplified(line, tolerance);
	}
	const decimals = Math.min(Math.max(Math.ceil(-Math.log10(pixel)), 0), 12);
	const rounded = corners.map(([x, y]) => `${tidy(x, decimals)},${tidy(y, decimals)}`);
	const distinct = rounded.filter((corner, i) => corner !== rounded[(i || rounded.length) - 1]);
	return distinct.length < 3 ? "" : `points:${named(panel)}:${distinct.join(";")}`;
}

const tidy = (value: number, decimals: number): string => String(Number(value.toFixed(decimals)) || 0);
