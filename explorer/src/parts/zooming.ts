/** The stretch of moments that traces and raster show. */

import { effect } from "@preact/signals";
import type { Episode } from "../data/schema";
import { isPlaying, moment, recording, stretch } from "../state";

export const LEAST_MOMENTS = 8;
export type Stretch = readonly [number, number];

/** A stretch of whole moments inside of the recording; null for all of it. */
export function fitted(start: number, stop: number, rows: number): [number, number] | null {
	const wanted = Math.max(Math.round(stop - start), Math.min(LEAST_MOMENTS, rows));
	if (wanted >= rows) return null;
	const first = Math.min(Math.max(Math.round(start), 0), rows - wanted);
	return [first, first + wanted];
}

export function show(start: number, stop: number): void {
	const found = fitted(start, stop, recording.value?.rows ?? 0);
	const now = stretch.peek();
	if (found?.[0] !== now?.[0] || found?.[1] !== now?.[1]) stretch.value = found;
}

/** `factor` below 1 shows fewer moments; what lies at `around` stays where it is. */
export function zoomed([start, stop]: Stretch, factor: number, around: number): Stretch {
	return [around - (around - start) * factor, around + (stop - around) * factor];
}

export function zoomBy(factor: number, around = moment.value): void {
	const rows = recording.value?.rows ?? 0;
	show(...zoomed(stretch.value ?? [0, rows], factor, around));
}

/** The episode that holds all of a stretch; null if none does. */
export function episodeOf([start, stop]: Stretch, episodes: readonly Episode[]): number | null {
	const found = episodes.findIndex((each) => each.start <= start && stop <= each.stop);
	return found < 0 ? null : found;
}

/** Keep the moment inside of what is shown. Returns what ends it. */
export function keepMomentShown(): () => void {
	let isFirst = true;
	return effect(() => {
		const row = moment.value;
		const now = stretch.peek();
		// What a link shows stays as it is until the moment changes.
		if (isFirst || !now) {
			isFirst = false;
			return;
		}
		const [start, stop] = now;
		if (row >= start && row < stop) return;
		const length = stop - start;
		show(...lay(row, length));
	});
}

/** While playing a new page begins shortly before the moment, else the moment comes into the middle. */
function lay(row: number, length: number): Stretch {
	const start = row - length * (isPlaying.peek() ? 0.05 : 0.5);
	return [start, start + length];
}

export interface Axis {
	/** Row at which it is 0. */
	origin: number;
	/** Rows for one of its units. */
	rows: number;
	/** "seconds of episode 3". */
	title: string;
}

/** Time within the episode where only one is shown, else of the recording. */
export function axisOf(shown: Stretch, episodes: readonly Episode[], seconds: number | null, inSeconds: boolean): Axis {
	const number = episodeOf(shown, episodes);
	const origin = number === null ? 0 : (episodes[number]?.start ?? 0);
	const of = number === null ? "of the recording" : `of episode ${number}`;
	if (!inSeconds || seconds === null) return { origin, rows: 1, title: `decisions ${of}` };
	const inMinutes = (shown[1] - origin) * seconds > 600;
	return {
		origin,
		rows: (inMinutes ? 60 : 1) / seconds,
		title: `${inMinutes ? "minutes" : "seconds"} ${of}`,
	};
}
