import { describe, expect, it } from "vitest";
import { checkpointNear, cosine, sayCheckpoint, sayShort } from "../src/parts/training";

describe("checkpoints", () => {
	it("shows the one that is asked for, the nearest where it is not there, and the last unasked", () => {
		const frames = [0, 100, 1000];
		expect([0, 100, 1000].map((each) => checkpointNear(frames, each))).toEqual([0, 1, 2]);
		expect(checkpointNear(frames, 90)).toBe(1);
		expect(checkpointNear(frames, 1e9)).toBe(2);
		expect(checkpointNear(frames, null)).toBe(2);
	});
	it("says how long was trained", () => {
		expect(sayCheckpoint(0)).toBe("before training");
		expect(sayCheckpoint(30007296)).toBe("30\u2009007\u2009296 frames");
		expect([0, 999, 451_000, 30_007_296, 2e9].map(sayShort)).toEqual(["0", "999", "451 k", "30 M", "2 G"]);
	});
});

it("knows the cosine of two pictures, and that a silent one has none", () => {
	expect(cosine([1, 0, 2], [2, 0, 4])).toBeCloseTo(1);
	expect(cosine([1, 1], [1, -1])).toBeCloseTo(0);
	expect(cosine([1, 1], [0, 0])).toBeNaN();
});
