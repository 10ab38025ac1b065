/** Long traces as few points, without losing a spike: of every stretch its lowest and its highest number. */

export interface Decimated {
	x: number[];
	/** One for each trace, as long as `x`; null where there is no number. */
	ys: (number | null)[][];
}

/**
 * Moments [start, stop) of some traces.
 *
 * Up to two moments for each of the `buckets` all are given as they are, with a gap before each of `borders`, where
 * episodes begin. Of more, each bucket gives its two extremes, in the order in which they come.
 */
export function decimate(
	traces: readonly ArrayLike<number>[],
	start: number,
	stop: number,
	buckets: number,
	borders: readonly number[],
): Decimated {
	const count = stop - start;
	if (count <= 2 * buckets) return plain(traces, start, stop, new Set(borders));
	const x: number[] = [];
	const ys: (number | null)[][] = traces.map(() => []);
	for (let bucket = 0; bucket < buckets; bucket++) {
		const from = start + Math.floor((bucket * count) / buckets);
		const to = start + Math.floor(((bucket + 1) * count) / buckets);
		x.push(from, (from + to) / 2);
		for (const [i, trace] of traces.entries()) ys[i]?.push(...extremes(trace, from, to));
	}
	return { x, ys };
}

function plain(traces: readonly ArrayLike<number>[], start: number, stop: number, borders: Set<number>): Decimated {
	const x: number[] = [];
	const ys: (number | null)[][] = traces.map(() => []);
	for (let row = start; row < stop; row++) {
		if (row > start && borders.has(row)) {
			x.push(row - 0.5);
			for (const y of ys) y.push(null);
		}
		x.push(row);
		for (const [i, trace] of traces.entries()) {
			const value = trace[row];
			ys[i]?.push(value === undefined || Number.isNaN(value) ? null : value);
		}
	}
	return { x, ys };
}

function extremes(trace: ArrayLike<number>, from: number, to: number): [number | null, number | null] {
	let [lowest, highest] = [-1, -1];
	for (let row = from; row < to; row++) {
		const value = trace[row] as number;
		if (Number.isNaN(value) || value === undefined) continue;
		if (lowest < 0 || value < (trace[lowest] as number)) lowest = row;
		if (highest < 0 || value > (trace[highest] as number)) highest = row;
	}
	if (lowest < 0) return [null, null];
	const [first, second] = lowest < highest ? [lowest, highest] : [highest, lowest];
	return [trace[first] as number, trace[second] as number];
}

/** For each of `pixels` the most frequent number, whole and at least 0, of its moments; -1 where there is none. */
export function mostFrequent(numbers: ArrayLike<number>, start: number, stop: number, pixels: number): Int16Array {
	const found = new Int16Array(pixels).fill(-1);
	const rows = (stop - start) / pixels;
	const counts = new Map<number, number>();
	for (let pixel = 0; pixel < pixels; pixel++) {
		counts.clear();
		const from = start + Math.floor(pixel * rows);
		const to = Math.max(start + Math.floor((pixel + 1) * rows), from + 1);
		let most = 0;
		for (let row = from; row < to; row++) {
			const number = numbers[row];
			if (number === undefined || Number.isNaN(number)) continue;
			const times = (counts.get(number) ?? 0) + 1;
			counts.set(number, times);
			if (times > most) {
				most = times;
				found[pixel] = number;
			}
		}
	}
	return found;
}
