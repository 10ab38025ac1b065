import { describe, expect, it } from "vitest";
import { bandsOf, columnsOf, scaled, scaleOf, shadesOfLayer, shifted, stretched } from "../src/parts/raster_image";
import { PLAIN } from "../src/parts/splat";

describe("columns", () => {
	const means = (numbers: number[], from: number, to: number, columns: number) => {
		const into = new Float32Array(columns);
		columnsOf(Float32Array.from(numbers), from, to, columns, into);
		return [...into];
	};
	it("are means of what lies in them, without what is no number", () => {
		expect(means([1, 3, 5, 7], 0, 4, 2)).toEqual([2, 6]);
		expect(means([1, Number.NaN, Number.NaN, Number.NaN], 0, 4, 2)).toEqual([1, Number.NaN]);
	});
	it("show a number more than once where it is wide", () => {
		expect(means([1, 2], 0, 2, 4)).toEqual([1, 1, 2, 2]);
		expect(means([1, 2, 3, 4], 2, 4, 2)).toEqual([3, 4]);
	});
});

describe("scaling", () => {
	it("is by the unit's own mean and deviation", () => {
		const numbers = Float32Array.from([1, 3, Number.NaN]);
		expect(scaleOf(numbers)).toEqual([2, 1]);
		expect([...scaled(numbers, [2, 1])]).toEqual([-1, 1, Number.NaN]);
	});
	it("makes a unit that never changes 0", () => {
		const same = new Float32Array(5).fill(0.1);
		expect([...scaled(same, scaleOf(same))].every((value) => Math.abs(value) < 1e-6)).toBe(true);
	});
});

describe("a layer", () => {
	it("has its units in order, three deviations at the ends", () => {
		const units = [Float32Array.from([-3, -9]), Float32Array.from([3, 0]), Float32Array.from([Number.NaN, 0])];
		expect([...shadesOfLayer(units, [1, 0, 2], [0, 2], 2, 3)]).toEqual([254, 127, 0, 0, PLAIN, 127]);
	});
	it("shows the mean of units that share a row", () => {
		const units = [Float32Array.from([-1]), Float32Array.from([1]), Float32Array.from([3]), Float32Array.from([3])];
		expect([...shadesOfLayer(units, [0, 1, 2, 3], [0, 1], 1, 2)]).toEqual([127, 254]);
	});
});

describe("bands", () => {
	it("fill the height, small layers at their least", () => {
		const bands = bandsOf([{ units: 4 }, { units: 196 }, { units: 100 }], 152);
		expect(bands[0]?.height).toBe(14);
		const last = bands[2];
		expect((last?.top ?? 0) + (last?.height ?? 0)).toBeCloseTo(152);
		expect((bands[1]?.height ?? 0) / (bands[2]?.height ?? 1)).toBeCloseTo(1.96);
	});
	it("shrink where there is no room", () => {
		const bands = bandsOf(
			Array.from({ length: 20 }, () => ({ units: 3 })),
			99,
		);
		expect(bands[0]?.height).toBeCloseTo(4);
	});
});

describe("stretches", () => {
	it("keep what is under the pointer and stay inside", () => {
		expect(stretched([0, 1000], 1000, 0.5, 0.5)).toEqual([250, 750]);
		expect(stretched([0, 100], 1000, 2, 0)).toEqual([0, 200]);
		expect(stretched([900, 1000], 1000, 2, 0.5)).toEqual([800, 1000]);
		expect(stretched([0, 600], 1000, 2, 0.5)).toBeNull();
		expect(stretched([500, 520], 1000, 0.01, 0.5)).toEqual([502, 518]);
		expect(shifted([100, 200], 1000, -500)).toEqual([0, 100]);
		expect(shifted([0, 1000], 1000, 5)).toBeNull();
	});
});
