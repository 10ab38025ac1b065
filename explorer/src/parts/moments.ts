/** Moments that show what a unit does: its highest, its middle and its lowest, spread over episodes. */

import type { Episode } from "../data/schema";

/** Moments nearer to one another than this show the same scene. */
export const APART = 20;

export type Level = "high" | "middle" | "low";

/** How far down the list of a level each moment stands: the smaller, the nearer to its top. */
function distances(activity: ArrayLike<number>, level: Level, median: number): Float64Array {
	const far = new Float64Array(activity.length);
	for (let i = 0; i < activity.length; i++) {
		const value = activity[i] as number;
		const at = level === "high" ? -value : level === "low" ? value : Math.abs(value - median);
		far[i] = Number.isNaN(at) ? Number.POSITIVE_INFINITY : at;
	}
	return far;
}

/**
 * `wanted` moments of a level, the most telling first, no two of an episode within `APART` decisions.
 *
 * One of every episode comes before a second of any, so that one long episode does not fill the list; of a few episodes
 * each gives as many.
 */
export function tellingMoments(
	activity: ArrayLike<number>,
	episodes: readonly Episode[],
	level: Level,
	wanted: number,
	median: number,
): number[] {
	const far = distances(activity, level, median);
	const all = episodes.length ? episodes : [{ start: 0, stop: activity.length, ending: "" }];
	const taken: number[] = [];
	const ofEpisode = all.map((): number[] => []);
	for (let round = 0; taken.length < wanted; round++) {
		const found: { row: number; episode: number }[] = [];
		for (const [number, episode] of all.entries()) {
			const before = ofEpisode[number] as number[];
			// What gave nothing in a round gives nothing in a later one.
			if (before.length < round) continue;
			const row = nearest(far, episode, before);
			if (row >= 0) found.push({ row, episode: number });
		}
		if (found.length === 0) break;
		found.sort((a, b) => (far[a.row] as number) - (far[b.row] as number) || a.row - b.row);
		for (const { row, episode } of found.slice(0, wanted - taken.length)) {
			taken.push(row);
			(ofEpisode[episode] as number[]).push(row);
		}
	}
	return taken.sort((a, b) => (far[a] as number) - (far[b] as number) || a - b);
}

/** The moment of an episode nearest to the top of the list and far enough from those before; -1 if there is none. */
function nearest(far: Float64Array, episode: Episode, before: readonly number[]): number {
	let found = -1;
	let best = Number.POSITIVE_INFINITY;
	for (let row = episode.start; row < episode.stop; row++) {
		const at = far[row] as number;
		if (at < best && before.every((each) => Math.abs(each - row) >= APART)) [best, found] = [at, row];
	}
	return found;
}

/** Moments before and after one, all of its episode. */
export function around(row: number, episode: Episode, offsets: readonly number[]): number[] {
	return offsets.map((offset) => row + offset).filter((each) => each >= episode.start && each < episode.stop);
}
