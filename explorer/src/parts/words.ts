/** Numbers and moments as people read them. */

import type { Recording } from "../data/schema";

/** A number to three significant digits, without a tail of zeros. */
export function say(value: number): string {
	if (Number.isNaN(value)) return "not a number";
	if (value === 0) return "0";
	const size = Math.abs(value);
	if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replaceAll("-", "−");
	return String(Number(value.toPrecision(3))).replace("-", "−");
}

export const count = (value: number): string => value.toLocaleString("en-GB").replaceAll(",", "\u2009");

/** "episode 3, decision 41 (4.7 s)". */
export function sayMoment(recording: Recording, episode: number, row: number): string {
	const step = row - (recording.episodes[episode]?.start ?? 0);
	const seconds = recording.seconds_per_decision;
	const time = seconds === null ? "" : ` (${(step * seconds).toFixed(1)} s)`;
	return `episode ${episode}, decision ${step}${time}`;
}
