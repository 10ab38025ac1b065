import { expect, test } from "vitest";
import { APART, around, tellingMoments } from "../src/parts/moments";
import { firstFrom, placeAmong } from "../src/parts/searching";

const episode = (start: number, stop: number) => ({ start, stop, ending: "" });

test("the highest moments are apart and come from as many episodes as there are", () => {
	const activity = new Float32Array(300);
	for (const [row, value] of [
		[10, 9],
		[11, 8.9],
		[40, 8],
		[150, 5],
		[250, 6],
	] as const)
		activity[row] = value;
	const episodes = [episode(0, 100), episode(100, 200), episode(200, 300)];
	expect(tellingMoments(activity, episodes, "high", 3, 0)).toEqual([10, 250, 150]);
	const four = tellingMoments(activity, episodes, "high", 4, 0);
	expect(four).toEqual([10, 40, 250, 150]);
	for (const a of four) for (const b of four) if (a !== b) expect(Math.abs(a - b)).toBeGreaterThanOrEqual(APART);
});

test("of one episode alone it takes as many as fit", () => {
	const activity = Float32Array.from({ length: 45 }, (_, i) => i);
	expect(tellingMoments(activity, [episode(0, 45)], "high", 9, 22)).toEqual([44, 24, 4]);
	expect(tellingMoments(activity, [], "low", 2, 22)).toEqual([0, 20]);
});

test("the middle is what is nearest to the median, and NaN is nowhere", () => {
	const activity = Float32Array.from([Number.NaN, 0, 5, 9, 4.9]);
	expect(tellingMoments(activity, [episode(0, 5)], "middle", 1, 4.9)).toEqual([4]);
	expect(tellingMoments(Float32Array.of(Number.NaN), [episode(0, 1)], "low", 3, 0)).toEqual([]);
});

test("what is around a moment stays in its episode", () => {
	expect(around(11, episode(10, 14), [-2, 0, 2, 4])).toEqual([11, 13]);
});

test("a row is found among ascending ones", () => {
	expect(placeAmong([2, 4, 9], 9)).toBe(2);
	expect(placeAmong([2, 4, 9], 5)).toBe(-1);
	expect(placeAmong([], 5)).toBe(-1);
});

test("the first of ascending numbers from a number on", () => {
	expect([0, 3, 4, 9].map((row) => firstFrom([1, 3, 3, 8], row))).toEqual([0, 1, 3, 4]);
});
