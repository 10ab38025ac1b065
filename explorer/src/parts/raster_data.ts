/** Activity for the raster: means of the whole recording at once, single decisions of a stretch when they arrive. */

import { readColumn, readUnit } from "../data/loading";
import type { Layer } from "../data/schema";
import { scaled, scaleOf } from "./raster_image";

/** Of each unit, in its standard deviations; number i is the mean of `perNumber` moments from `from + i * perNumber`. */
export interface Shown {
	layer: Layer;
	units: Float32Array[];
	from: number;
	to: number;
	perNumber: number;
}

/** More numbers than this are not read for a stretch; the overview stays. */
const MOST_NUMBERS = 4_000_000;
const SAMPLES = 3;

const overviews = new Map<string, Promise<Shown>>();

export function overviewOf(layer: Layer): Promise<Shown> {
	const held = overviews.get(layer.name);
	if (held) return held;
	const { column, rows_per_bin: perNumber } = layer.overview;
	const made = readColumn(column).then((all) => {
		const units = Array.from({ length: layer.units }, (_, unit) => {
			const own = new Float32Array(column.rows);
			for (let bin = 0; bin < column.rows; bin++) own[bin] = all[bin * column.width + unit] as number;
			return scaled(own, scaleOf(own));
		});
		return { layer, units, from: 0, to: column.rows * perNumber, perNumber };
	});
	overviews.set(layer.name, made);
	made.catch(() => overviews.delete(layer.name));
	return made;
}

const scales = new Map<string, Promise<[number, number][]>>();

/** Means and deviations of single decisions, from blocks at the start, in the middle and at the end. */
function scalesOf(layer: Layer): Promise<[number, number][]> {
	const held = scales.get(layer.name);
	if (held) return held;
	const { rows, chunk_rows: size } = layer.activity;
	const blocks = Math.ceil(rows / size);
	const wanted = [
		...new Set(Array.from({ length: SAMPLES }, (_, i) => Math.round(((blocks - 1) * i) / (SAMPLES - 1)))),
	];
	const made = Promise.all(
		Array.from({ length: layer.units }, async (_, unit) => {
			const parts = await Promise.all(
				wanted.map((block) => readUnit(layer.activity, unit, block * size, Math.min((block + 1) * size, rows))),
			);
			const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
			let at = 0;
			for (const part of parts) {
				all.set(part, at);
				at += part.length;
			}
			return scaleOf(all);
		}),
	);
	scales.set(layer.name, made);
	made.catch(() => scales.delete(layer.name));
	return made;
}

/** Whether single decisions of a stretch are worth reading: a mean is wider than a pixel, and there are not too many. */
export function wantsDetail(layers: readonly Layer[], [start, stop]: [number, number], pixels: number): boolean {
	const widest = Math.max(0, ...layers.map((each) => each.overview.rows_per_bin));
	const units = layers.reduce((sum, each) => sum + each.units, 0);
	return widest > 1 && (stop - start) / Math.max(pixels, 1) < widest && (stop - start) * units <= MOST_NUMBERS;
}

/** Single decisions of a stretch and as much beside it, so that a small move needs no reading. */
export async function detailOf(layer: Layer, [start, stop]: [number, number]): Promise<Shown> {
	const from = Math.max(0, start - ((stop - start) >> 1));
	const to = Math.min(layer.activity.rows, stop + ((stop - start) >> 1));
	const [own, read] = await Promise.all([
		scalesOf(layer),
		Promise.all(Array.from({ length: layer.units }, (_, unit) => readUnit(layer.activity, unit, from, to))),
	]);
	const units = read.map((numbers, unit) => scaled(numbers, own[unit] as [number, number]));
	return { layer, units, from, to, perNumber: 1 };
}
