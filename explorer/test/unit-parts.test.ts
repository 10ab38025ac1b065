import { expect, test } from "vitest";
import type { Recording } from "../src/data/schema";
import { quantitiesOf } from "../src/views/unit-correlates";
import { bandOf, lineOf } from "../src/views/unit-curves";
import { inOrder, stepsShown } from "../src/views/unit-examples";

const same = (value: number) => value;

test("examples are ordered by the activity at the gradient step", () => {
	const activity = [0, 1, 2, 9, Number.NaN, 5, 6, 7];
	const order = (level: string) => inOrder([1, 0, 1, 1], [0, 1, 2, 3], activity, 1, level).map((each) => each.sample);
	expect(order("high")).toEqual([2, 0, 3]);
	expect(order("low")).toEqual([0, 2, 3]);
});

test("the frames of a sample contain its gradient step", () => {
	for (const [steps, gradient] of [
		[16, 12],
		[16, 15],
		[5, 0],
		[64, 31],
		[1, 0],
	] as const) {
		const shown = stepsShown(steps, gradient, 5);
		expect(shown).toContain(gradient);
		expect(shown.length).toBeLessThanOrEqual(5);
		expect(shown.every((each) => each >= 0 && each < steps)).toBe(true);
	}
});

test("lines have gaps where a number is missing, and bands are closed there", () => {
	expect(lineOf([0, 1, 2, 3], [1, Number.NaN, 2, 3], same, same)).toBe("M0.0 1.0M2.0 2.0L3.0 3.0");
	const band = bandOf([0, 1, 2, 3, 4], [0, 0, Number.NaN, 0, 0], [1, 1, 1, 1, 1], same, same);
	expect(band.match(/Z/g)).toHaveLength(2);
});

test("a heading goes by its cosine and sine, a place by each of its numbers", () => {
	const column = (width: number) => ({ path: "", rows: 1, width, encoding: "float32" as const, chunk_rows: 1 });
	const recording = {
		value: column(1),
		reward: null,
		variables: [
			{ name: "place", title: "place", units: "m", kind: "place", labels: ["x", "z"], column: column(2) },
			{ name: "heading", title: "heading", units: "degrees", kind: "heading", labels: [], column: column(1) },
		],
	} as unknown as Recording;
	const found = quantitiesOf(recording);
	expect(found.map((each) => each.title)).toEqual([
		"value",
		"place, x",
		"place, z",
		"heading (cosine)",
		"heading (sine)",
	]);
	expect(found[3]?.of(90)).toBeCloseTo(0);
	expect(found[4]?.of(90)).toBeCloseTo(1);
});
