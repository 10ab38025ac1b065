import { expect, test } from "vitest";
import { scaleTo, ticksOf } from "../src/parts/axes";
import { DIVERGING_TABLE } from "../src/parts/colours";
import { paintField, paintMap, planesOf, scaleOf } from "../src/parts/fields";

test("zero of signed colours is mid-grey, and the scale is full colour", () => {
	const field = [0, 0, 0, 2, -2, 0];
	const bytes = paintField(field, { height: 1, width: 2, channels: 3 }, null, true, scaleOf(field));
	expect([...bytes]).toEqual([128, 128, 128, 255, 255, 0, 128, 255]);
});

test("a channel of signed numbers is shown by the diverging map, centred on zero", () => {
	const bytes = paintField([-1, 0, 1, Number.NaN], { height: 1, width: 4, channels: 1 }, 0, true, 1);
	expect([...bytes.subarray(0, 3)]).toEqual([...DIVERGING_TABLE.subarray(0, 3)]);
	expect(Math.min(...bytes.subarray(4, 7))).toBeGreaterThan(240);
	expect([...bytes.subarray(8, 11)]).toEqual([...DIVERGING_TABLE.subarray(765)]);
	expect([...bytes.subarray(12)]).toEqual([0, 0, 0, 0]);
});

test("a field of nothing but zeros is painted too", () => {
	expect(paintField([0, 0, 0], { height: 1, width: 1, channels: 3 }, null, true, scaleOf([0, 0, 0]))[0]).toBe(128);
});

test("three colours have a composite; other channels are numbered", () => {
	expect(planesOf({ height: 1, width: 1, channels: 3 }).map((each) => each.name)).toEqual([
		"colour",
		"red",
		"green",
		"blue",
	]);
	expect(planesOf({ height: 1, width: 1, channels: 4 }).map((each) => each.channel)).toEqual([0, 1, 2, 3]);
	expect(planesOf({ height: 1, width: 1, channels: 1 })).toHaveLength(1);
});

test("a map is the more opaque the more the pixel did, and its colour is its sign", () => {
	const bytes = paintMap([0, 0.5, -1], 1);
	expect(bytes[3]).toBe(0);
	expect(bytes[4]).toBeGreaterThan(bytes[6] as number);
	expect(bytes[10]).toBeGreaterThan(bytes[8] as number);
	expect(bytes[11]).toBeGreaterThan(bytes[7] as number);
});

test("ticks are round and within the range", () => {
	expect(ticksOf([-2, 4], 3)).toEqual([-2, 0, 2, 4]);
	expect(ticksOf([0, 0.41], 3).at(-1)).toBeLessThanOrEqual(0.41);
	expect(ticksOf([1, 1])).toEqual([]);
	expect(scaleTo([0, 2], 100, 0)(0.5)).toBe(75);
});
