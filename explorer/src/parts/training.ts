/** Checkpoints of a training run, by the frames that each had been trained for. */

import { count } from "./words";

/** Which of some checkpoints is shown where another is asked for: the nearest of them; of nothing asked for, the last. */
export function checkpointNear(frames: readonly number[], wanted: number | null): number {
	if (wanted === null) return frames.length - 1;
	let found = 0;
	for (const [i, each] of frames.entries())
		if (Math.abs(each - wanted) < Math.abs((frames[found] as number) - wanted)) found = i;
	return found;
}

export const sayCheckpoint = (frames: number): string => (frames === 0 ? "before training" : `${count(frames)} frames`);

/** In as few letters as there is room for below a thumbnail: "0", "450 k", "30 M". */
export function sayShort(frames: number): string {
	const [size, letter] = frames < 1e3 ? [1, ""] : frames < 1e6 ? [1e3, " k"] : frames < 1e9 ? [1e6, " M"] : [1e9, " G"];
	return `${Number((frames / size).toPrecision(3))}${letter}`;
}

/** Of two pictures; NaN where one of them is all zeros. */
export function cosine(one: ArrayLike<number>, other: ArrayLike<number>): number {
	let [product, squares, others] = [0, 0, 0];
	for (let i = 0; i < one.length; i++) {
		const [a, b] = [one[i] as number, other[i] as number];
		product += a * b;
		squares += a * a;
		others += b * b;
	}
	return squares > 0 && others > 0 ? product / Math.sqrt(squares * others) : Number.NaN;
}
