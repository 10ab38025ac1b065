/** Everything that is known of one moment. */

import { placeOf, readRows, readSheet } from "../data/loading";
import type { Column, EventClass, Recording, SaliencyPanel } from "../data/schema";
import { placeAmong } from "../parts/searching";
import { classesAt, happenedIn } from "../parts/walking";

export interface Seen {
	name: string;
	valence: number | null;
	left: number;
	top: number;
	width: number;
	height: number;
	distance: number;
}

export interface Picture {
	sheet: ImageBitmap;
	left: number;
	top: number;
}

export interface Facts {
	row: number;
	picture: Picture | null;
	outputs: Float32Array | null;
	actions: Float32Array | null;
	value: number | null;
	reward: number | null;
	/** As `recording.variables`. */
	variables: (Float32Array | null)[];
	events: EventClass[];
	objects: Seen[];
	/** (height * width) of the chosen target, and all moments that have one. */
	map: Float32Array | null;
	mapped: Float32Array | null;
	faults: string[];
}

export type Target = SaliencyPanel["targets"][number];

/** What is damaged is null and said among the faults; the rest is there. */
export async function factsAt(known: Recording, row: number, target: Target | null): Promise<Facts> {
	const faults: string[] = [];
	const attempt = async <T>(ask: () => Promise<T> | null): Promise<T | null> => {
		try {
			return await ask();
		} catch (error) {
			const text = (error as Error).message;
			if (!faults.includes(text)) faults.push(text);
			return null;
		}
	};
	const rowOf = (column: Column | null) => attempt(() => column && readRows(column, row, row + 1));
	const [picture, outputs, actions, value, reward, happened, objects, saliency, ...variables] = await Promise.all([
		attempt(() => pictureAt(known, row)),
		rowOf(known.outputs),
		rowOf(known.actions),
		rowOf(known.value),
		rowOf(known.reward),
		happenedIn(known),
		attempt(() => objectsAt(known, row)),
		attempt(() => target && mapAt(target, row)),
		...known.variables.map((each) => rowOf(each.column)),
	]);
	if (happened.fault) faults.push(happened.fault);
	return {
		row,
		picture,
		outputs,
		actions,
		value: value?.[0] ?? null,
		reward: reward?.[0] ?? null,
		variables,
		events: classesAt(happened, row).map((each) => known.events[each] as EventClass),
		objects: objects ?? [],
		map: saliency?.map ?? null,
		mapped: saliency?.rows ?? null,
		faults,
	};
}

async function pictureAt({ frames }: Recording, row: number): Promise<Picture | null> {
	if (!frames || row >= frames.count) return null;
	const { sheet, left, top } = placeOf(frames, row);
	return { sheet: await readSheet(frames, sheet), left, top };
}

/** Have the next sheet ready; one that is damaged is complained of when it is shown. */
export function prefetch({ frames }: Recording, row: number): void {
	if (!frames) return;
	const next = placeOf(frames, row).sheet + 1;
	if (next * frames.per_sheet < frames.count) readSheet(frames, next).catch(() => {});
}

async function objectsAt({ objects }: Recording, row: number): Promise<Seen[]> {
	if (!objects) return [];
	const [from, to] = (await readRows(objects.first, row, row + 2)) as unknown as [number, number];
	const numbers = await readRows(objects.objects, from, to);
	const width = objects.objects.width;
	return Array.from({ length: to - from }, (_, i) => {
		const [kind, left, top, across, down, distance] = numbers.subarray(i * width, (i + 1) * width) as unknown as [
			number,
			number,
			number,
			number,
			number,
			number,
		];
		return {
			name: objects.classes[kind] ?? "unknown",
			valence: objects.valences[kind] ?? null,
			left,
			top,
			width: across,
			height: down,
			distance,
		};
	});
}

async function mapAt(target: Target, row: number): Promise<{ map: Float32Array | null; rows: Float32Array }> {
	const rows = await readRows(target.rows, 0, target.rows.rows);
	const at = placeAmong(rows, row);
	return { map: at < 0 ? null : await readRows(target.maps, at, at + 1), rows };
}
