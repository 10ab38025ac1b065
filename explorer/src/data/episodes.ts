import type { Episode } from "./schema";

/** Number of the episode that a moment belongs to; episodes follow one another without gaps. */
export function episodeOf(episodes: readonly Episode[], row: number): number {
	let [low, high] = [0, episodes.length - 1];
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if ((episodes[middle]?.start ?? 0) <= row) low = middle;
		else high = middle - 1;
	}
	return low;
}
