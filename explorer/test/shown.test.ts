import { expect, test } from "vitest";
import type { ImagesPanel } from "../src/data/schema";
import { lay, lineOf, linesBetween, moved } from "../src/parts/laying";
import { groupsOf, pairsOf, rankOf, summaryOf } from "../src/parts/shown";

const PANEL = {
	names: ["a", "b", "c", "d"],
	classes: ["apple", "rock"],
	class_of: [0, 1, 0, 1],
	valences: [1, null],
	places: ["left", "right"],
} as unknown as ImagesPanel;
const NUMBERS = [1, 3, 10, 20, 3, 5, Number.NaN, 30];

test("pairs are chosen by class and place", () => {
	expect(pairsOf(PANEL, 0, -1)).toEqual([0, 1, 4, 5]);
	expect(pairsOf(PANEL, 1, 1)).toEqual([3, 7]);
});

test("groups have the largest first and what is no number last", () => {
	const pairs = pairsOf(PANEL, -1, -1);
	expect(groupsOf(PANEL, pairs, "class", NUMBERS)).toEqual([
		{ title: "apple (4)", items: [5, 1, 4, 0] },
		{ title: "rock (4)", items: [7, 3, 2, 6] },
	]);
	expect(groupsOf(PANEL, pairs, "valence", null).map((each) => each.title)).toEqual([
		"good (4)",
		"valence not known (4)",
	]);
	expect(groupsOf(PANEL, pairs, "none", null)).toEqual([{ title: "", items: pairs }]);
});

test("a summary counts images, not pairs", () => {
	const [apple, rock] = summaryOf(PANEL, NUMBERS);
	expect(apple?.means.map((each) => each.mean)).toEqual([2, 4, 3]);
	expect(apple?.means.map((each) => each.n)).toEqual([2, 2, 2]);
	expect(rock?.means[0]).toMatchObject({ mean: 10, n: 1 });
	expect(rock?.valence).toBeNull();
	expect(rankOf(NUMBERS, 7)).toBe(1);
	expect(rankOf(NUMBERS, 0)).toBe(7);
});

test("lines of groups, and where keys lead among them", () => {
	const laid = lay(
		[
			{ title: "one", items: [7, 3, 5] },
			{ title: "two", items: [9] },
		],
		2,
		40,
		20,
	);
	expect(laid.lines.map((line) => line.top)).toEqual([0, 20, 60, 100, 120]);
	expect(laid.height).toBe(160);
	expect(laid.lines[lineOf(laid, 5)]?.top).toBe(60);
	expect(linesBetween(laid, 50, 110).map((line) => line.top)).toEqual([60, 100]);
	expect(moved(laid, 3, "ArrowDown", 1)).toBe(5);
	expect(moved(laid, 5, "ArrowDown", 1)).toBe(9);
	expect(moved(laid, 7, "ArrowLeft", 1)).toBe(7);
	expect(moved(laid, null, "ArrowRight", 1)).toBe(7);
	expect(moved(laid, 7, "End", 1)).toBe(9);
	expect(moved(laid, 7, "x", 1)).toBeNull();
});
