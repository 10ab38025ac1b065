/** Activity of many units over time as a picture: a row for each unit, a column for each stretch of time. */

import { PLAIN } from "./splat";

/** Standard deviations at the ends of the colours, as in the figure. */
export const LIMIT = 3;

/** Mean and standard deviation of the numbers that are numbers; 0 and 1 where they never change. */
export function scaleOf(numbers: Float32Array): [number, number] {
	let [total, squares, count] = [0, 0, 0];
	for (let i = 0; i < numbers.length; i++) {
		const value = numbers[i] as number;
		if (!Number.isFinite(value)) continue;
		total += value;
		squares += value * value;
		count++;
	}
	if (!count) return [0, 1];
	const mean = total / count;
	const deviation = Math.sqrt(Math.max(squares / count - mean * mean, 0));
	return [mean, deviation > 1e-6 * (Math.abs(mean) + 1e-6) ? deviation : Number.POSITIVE_INFINITY];
}

/** Of every unit its own numbers, in standard deviations from its mean. */
export function scaled(numbers: Float32Array, [mean, deviation]: [number, number]): Float32Array {
	return numbers.map((value) => (value - mean) / deviation);
}

/** Means of numbers [from, to) in `columns` equal parts; a part narrower than a number shows the number it lies in. */
export function columnsOf(numbers: Float32Array, from: number, to: number, columns: number, into: Float32Array): void {
	const step = (to - from) / columns;
	for (let column = 0; column < columns; column++) {
		const first = Math.max(Math.floor(from + column * step), 0);
		const last = Math.min(Math.max(Math.floor(from + (column + 1) * step), first + 1), numbers.length);
		let [total, count] = [0, 0];
		for (let i = first; i < last; i++) {
			const value = numbers[i] as number;
			if (Number.isNaN(value)) continue;
			total += value;
			count++;
		}
		into[column] = (into[column] as number) + (count ? total / count : Number.NaN);
	}
}

/**
 * Shades of a layer: `rows` rows of `columns`. Where there are more units than rows, a row shows the mean of those
 * that lie in it.
 */
export function shadesOfLayer(
	units: readonly Float32Array[],
	order: ArrayLike<number>,
	[from, to]: [number, number],
	columns: number,
	rows: number,
): Uint8Array {
	const found = new Uint8Array(rows * columns);
	const sums = new Float32Array(columns);
	for (let row = 0; row < rows; row++) {
		const first = Math.floor((row * order.length) / rows);
		const last = Math.max(Math.floor(((row + 1) * order.length) / rows), first + 1);
		sums.fill(0);
		for (let i = first; i < last; i++) columnsOf(units[order[i] as number] as Float32Array, from, to, columns, sums);
		const gain = 254 / (2 * LIMIT * (last - first));
		for (let column = 0; column < columns; column++) {
			const shade = (sums[column] as number) * gain + 127;
			found[row * columns + column] = shade >= 254 ? 254 : shade >= 0 ? shade + 0.5 : shade < 0 ? 0 : PLAIN;
		}
	}
	return found;
}

export interface Band<T> {
	item: T;
	top: number;
	height: number;
}

/** Heights by the number of units, none less than `least` where there is room, a line between. */
export function bandsOf<T extends { units: number }>(layers: readonly T[], height: number, least = 14): Band<T>[] {
	const room = Math.max(height - (layers.length - 1), layers.length);
	const floor = Math.min(least, room / Math.max(layers.length, 1));
	// Layers that would be lower than the least get the least; the others share the rest.
	const low = new Set<T>();
	let share = 0;
	for (let isDone = false; !isDone; ) {
		isDone = true;
		const units = layers.reduce((sum, each) => sum + (low.has(each) ? 0 : each.units), 0);
		share = units ? (room - floor * low.size) / units : 0;
		for (const each of layers)
			if (!low.has(each) && each.units * share < floor - 1e-9) {
				low.add(each);
				isDone = false;
			}
	}
	let top = 0;
	return layers.map((item) => {
		const band = { item, top, height: low.has(item) ? floor : item.units * share };
		top += band.height + 1;
		return band;
	});
}

/** A stretch of the same length or another around a place in it that stays where it is; never out of the recording. */
export function stretched(
	[start, stop]: [number, number],
	rows: number,
	factor: number,
	share: number,
	least = 16,
): [number, number] | null {
	const length = Math.round(Math.min(Math.max((stop - start) * factor, Math.min(least, rows)), rows));
	if (length >= rows) return null;
	const at = start + (stop - start) * share;
	const from = Math.min(Math.max(Math.round(at - length * share), 0), rows - length);
	return [from, from + length];
}

/** The same stretch, later by some moments; never out of the recording. */
export function shifted([start, stop]: [number, number], rows: number, by: number): [number, number] | null {
	const from = Math.min(Math.max(Math.round(start + by), 0), rows - (stop - start));
	return stop - start >= rows ? null : [from, from + stop - start];
}
