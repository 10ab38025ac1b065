/** The clock of the player. */

import { effect, signal } from "@preact/signals";
import { chosen, goTo, isPlaying, moment, recording } from "../state";

/** The moment whose picture is on the screen: the clock waits for it. */
export const shown = signal(-1);

/** Longer pauses of the browser are not made up for. */
const LONGEST_S = 0.25;

export interface Speed {
	value: string;
	title: string;
	/** Decisions in a second. */
	rate: number;
}

export function speedsOf(secondsPerDecision: number | null): Speed[] {
	if (secondsPerDecision === null)
		return [1, 2, 5, 10, 20, 50].map((rate) => ({ value: `${rate}/s`, title: `${rate} per second`, rate }));
	return [0.25, 0.5, 1, 2, 4, 8].map((speed) => ({
		value: `${speed}x`,
		title: speed === 1 ? "real time" : `${speed}×`,
		rate: speed / secondsPerDecision,
	}));
}

export function speedIn(speeds: Speed[], value: string | undefined): Speed {
	const usual = speeds.find((each) => each.value === "1x" || each.value === "10/s");
	return speeds.find((each) => each.value === value) ?? (usual as Speed);
}

/** Decisions that are due, and the rest of one, after some seconds more. */
export function due(rest: number, seconds: number, rate: number): [number, number] {
	const sum = rest + Math.min(seconds, LONGEST_S) * rate;
	return [Math.floor(sum), sum - Math.floor(sum)];
}

/** Let the moment run while `isPlaying`. Returns what ends it. */
export function keepTime(): () => void {
	let asked = 0;
	let last = 0;
	let rest = 0;
	const tick = (now: number) => {
		const known = recording.value;
		if (!known) return;
		const { rate } = speedIn(speedsOf(known.seconds_per_decision), chosen.value.speed);
		// A picture that is not there yet is waited for, so that none is passed over unseen; short waits are made up for.
		if (shown.value === moment.value) {
			const [decisions, left] = due(rest, (now - last) / 1000, rate);
			last = now;
			rest = left;
			if (decisions) goTo(moment.value + decisions);
		}
		if (moment.value >= known.rows - 1) isPlaying.value = false;
		else asked = requestAnimationFrame(tick);
	};
	const end = effect(() => {
		cancelAnimationFrame(asked);
		if (!isPlaying.value) return;
		last = performance.now();
		rest = 0;
		asked = requestAnimationFrame(tick);
	});
	return () => {
		end();
		cancelAnimationFrame(asked);
	};
}
