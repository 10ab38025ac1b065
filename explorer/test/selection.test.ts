// @vitest-environment happy-dom

import { beforeEach, describe, expect, test, vi } from "vitest";
import { listen } from "../src/data/loading";
import { evaluate, isInside, recipeOfRows } from "../src/selection";
import { address, choose, episodeAt, index, moment, readAddress, selection, stretch, unit } from "../src/state";
import { type Planted, planted, serve } from "./planted";

let given: Planted;

beforeEach(() => {
	vi.restoreAllMocks();
	listen();
	given = planted();
	serve(given.chunks);
	index.value = given.index;
});

const moments = async (recipe: string): Promise<number[]> => [...(await evaluate(recipe, given.index))];

describe("recipes", () => {
	test.each([
		["", []],
		["rows:3-5,9", [3, 4, 5, 9]],
		["rows:38-99", [38, 39]],
		["episode:2", [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]],
		["event:apple", [5, 20]],
		["event:poison:-1:1", [11, 12, 13]],
		["variable:fuel:61:63", [37, 38, 39]],
		["variable:value:3.75:9", [38, 39]],
		["variable:reward:1:1", [5, 12, 20, 33]],
		["unit:memory:3:1.51:2", [38, 39]],
		["points:embedding-memory:1.5,-1;4.5,-1;4.5,0.5;1.5,0.5", [2, 4]],
		["examples:examples-memory:0:any%20step:highest", [0, 1, 2, 3]],
		["rows:1-3|rows:7", [1, 2, 3, 7]],
		["rows:1-8&event:apple|rows:30", [5, 30]],
	])("%s", async (recipe, expected) => {
		expect(await moments(recipe)).toEqual(expected);
	});

	test("moments around an event stay in its episode", async () => {
		expect(await moments("event:door:-9:2")).toEqual([30, 31, 32, 33, 34, 35]);
	});

	test("a unit's NaN lies in no range", async () => {
		expect(await moments("unit:memory:5:-1e9:1e9")).not.toContain(7);
	});

	test.each([
		["rows:one", /no selection/],
		["episode:3", /no episode 3/],
		["event:pear", /no event "pear"/],
		["unit:memory:6:0:1", /no unit 6/],
		["variable:height:0:1", /no variable "height"/],
		["points:other:0,0", /no "other"/],
		["examples:examples-memory:7:any%20step:highest", /no such list/],
		["dance", /no selection/],
		["event:50%", /no name/],
	])("%s means nothing here", async (recipe, complaint) => {
		await expect(moments(recipe)).rejects.toThrow(complaint);
	});

	test("of rows, there and back", async () => {
		expect(recipeOfRows([0, 1, 2, 7, 9, 10])).toBe("rows:0-2,7,9-10");
		expect(recipeOfRows([])).toBe("");
		expect(await moments(recipeOfRows([0, 1, 2, 7, 9, 10]))).toEqual([0, 1, 2, 7, 9, 10]);
	});

	test("inside of a polygon with a dent", () => {
		const corners = [
			[0, 0],
			[4, 0],
			[4, 4],
			[2, 1],
			[0, 4],
		];
		expect(isInside(1, 1, corners)).toBe(true);
		expect(isInside(2, 3, corners)).toBe(false);
	});
});

describe("state", () => {
	test("the address holds all of it, and gives it back", () => {
		readAddress("");
		moment.value = 17;
		selection.value = "event:apple:-8:8|rows:1-2";
		unit.value = { layer: "memory", unit: 4 };
		stretch.value = [15, 30];
		choose("tab", "notes");
		const text = address();
		readAddress("");
		expect([moment.value, selection.value, unit.value, stretch.value]).toEqual([0, "", null, null]);
		readAddress(`#${text}`);
		expect(moment.value).toBe(17);
		expect(selection.value).toBe("event:apple:-8:8|rows:1-2");
		expect(unit.value).toEqual({ layer: "memory", unit: 4 });
		expect(stretch.value).toEqual([15, 30]);
		expect(address()).toBe(text);
	});

	test("what an address says wrongly is as at the start", () => {
		readAddress("#moment=400&unit=memory/6&stretch=30-15&checkpoint=x");
		expect([moment.value, unit.value, stretch.value]).toEqual([0, null, null]);
	});

	test("episodes by their moments", () => {
		expect([0, 14, 15, 29, 30, 39].map(episodeAt)).toEqual([0, 0, 1, 1, 2, 2]);
	});
});
