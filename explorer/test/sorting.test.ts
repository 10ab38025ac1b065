import { expect, test } from "vitest";
import { arrange, conditionOf, filtersOf, sayFilters, saySorting, sortingOf } from "../src/parts/sorting";

const ROWS = [
	["conv2", 10, Number.NaN],
	["conv1", 9, 0.5],
	["conv10", -3, 0.75],
	["Memory", null, -1],
];

test("numbers are sorted as numbers, and what is no number comes last either way", () => {
	expect(arrange(ROWS, [], "", { column: 1, isDescending: false })).toEqual([2, 1, 0, 3]);
	expect(arrange(ROWS, [], "", { column: 2, isDescending: true })).toEqual([2, 1, 3, 0]);
	expect(arrange(ROWS, [], "", { column: 2, isDescending: false })).toEqual([3, 1, 2, 0]);
});

test("texts are sorted as people order them", () => {
	expect(arrange(ROWS, [], "", { column: 0, isDescending: false })).toEqual([1, 0, 2, 3]);
});

test("filters are ranges and parts of texts, all of which hold", () => {
	expect(arrange(ROWS, [undefined, undefined, ">0.5"], "", null)).toEqual([2]);
	expect(arrange(ROWS, ["conv", undefined, "0..1"], "", null)).toEqual([1, 2]);
	expect(arrange(ROWS, [], "MEM", null)).toEqual([3]);
	expect(arrange(ROWS, [undefined, "<= −3"], "", null)).toEqual([2]);
	expect(arrange(ROWS, [undefined, "=9"], "", null)).toEqual([1]);
});

test("what is no range is a part of a text", () => {
	expect(conditionOf("> many")?.("there are > many here")).toBe(true);
	expect(conditionOf("  ")).toBeNull();
});

test("filters and sorting stand in an address", () => {
	const filters = ["", "> 0.5", "a,b:c|d=é"];
	expect(filtersOf(sayFilters(filters))).toEqual(filters);
	expect(filtersOf("")).toEqual([]);
	expect(filtersOf("1:%E0%A4%A,x,9999999:y")).toEqual([]);
	for (const sorting of [null, { column: 3, isDescending: true }, { column: 0, isDescending: false }])
		expect(sortingOf(saySorting(sorting))).toEqual(sorting);
	expect(sortingOf("x+")).toBeNull();
});
