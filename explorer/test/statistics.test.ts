import { expect, test } from "vitest";
import { correlate, histogramOf, meanOf, medianOf, rangeOfBins, tQuantile } from "../src/parts/statistics";

test("the interval of a mean is Student's", () => {
	// Printed tables of the t distribution, 97.5%.
	for (const [freedom, t] of [
		[1, 12.706],
		[2, 4.303],
		[3, 3.182],
		[4, 2.776],
		[5, 2.571],
		[9, 2.262],
		[30, 2.042],
		[120, 1.98],
		[1e6, 1.96],
	] as const)
		expect(tQuantile(freedom)).toBeCloseTo(t, 2);
	const found = meanOf([1, 2, Number.NaN, 3]);
	expect(found.mean).toBe(2);
	expect(found.n).toBe(3);
	expect(found.high - found.mean).toBeCloseTo(4.303 / Math.sqrt(3), 3);
	expect(meanOf([5]).low).toBeNaN();
	expect(meanOf([]).mean).toBeNaN();
});

test("a correlation is that of all pairs that are numbers, of the chosen rows alone", () => {
	const x = Float32Array.from([1, 2, 3, 4, Number.NaN, 6]);
	const y = Float32Array.from([2, 4, 6, 8, 1, Number.NaN]);
	expect(correlate(x, y, null)).toEqual({ r: 1, n: 4 });
	expect(correlate(x, [8, 6, 4, 2, 0, 0], Int32Array.of(0, 1, 3)).r).toBeCloseTo(-1);
	expect(correlate(x, [7, 7, 7, 7, 7, 7], null).r).toBeNaN();
	expect(correlate(x, y, Int32Array.of(0, 1)).r).toBeNaN();
});

test("a correlation of large numbers does not lose its digits", () => {
	const x = Array.from({ length: 1000 }, (_, i) => 1e7 + Math.sin(i));
	const y = Array.from({ length: 1000 }, (_, i) => 1e7 - Math.sin(i));
	expect(correlate(x, y, null).r).toBeCloseTo(-1, 6);
});

test("bins hold every number once, and their range selects exactly these", () => {
	const numbers = Float32Array.from([0, 0, 0.25, 0.5, 0.75, 1, Number.NaN]);
	const found = histogramOf(numbers, null, [0, 1], 4);
	expect([...found.counts]).toEqual([2, 1, 1, 2]);
	expect(found.n).toBe(6);
	expect(rangeOfBins(found, 2, 1)).toEqual([0.25, 0.5]);
	expect(rangeOfBins(histogramOf(numbers, Int32Array.of(0), [0, 1], 4), 1, 3)).toBeNull();
});

test("the median is a number that is there", () => {
	expect(medianOf([4, 1, Number.NaN, 3, 2])).toBe(2);
	expect(medianOf([])).toBeNaN();
});
