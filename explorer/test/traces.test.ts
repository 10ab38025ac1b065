// @vitest-environment happy-dom

import { beforeEach, describe, expect, test, vi } from "vitest";
import { listen } from "../src/data/loading";
import type { Recording } from "../src/data/schema";
import { decimate, mostFrequent } from "../src/parts/decimating";
import { axisOf, episodeOf, fitted, keepMomentShown, zoomed } from "../src/parts/zooming";
import { index, moment, readAddress, stretch } from "../src/state";
import { keysOf, lanesOf, offered, stripsOf } from "../src/views/traces-lanes";
import { tableOfTraces } from "../src/views/traces-saving";
import { type Planted, planted, serve } from "./planted";

let given: Planted;
let known: Recording;

beforeEach(() => {
	vi.restoreAllMocks();
	listen();
	given = planted();
	serve(given.chunks);
	index.value = given.index;
	known = given.index.recording as Recording;
	readAddress("");
});

describe("decimation", () => {
	test("every spike of 100,000 moments is there, at its place", () => {
		const trace = new Float32Array(100_000);
		for (const spike of [0, 777, 31_415, 99_999]) trace[spike] = 5;
		trace[50_000] = -7;
		const { x, ys } = decimate([trace], 0, trace.length, 1000, []);
		expect(x).toHaveLength(2000);
		expect([...x].sort((a, b) => a - b)).toEqual(x);
		const found = ys[0] as number[];
		expect(Math.min(...found)).toBe(-7);
		const high = x.filter((_, i) => found[i] === 5);
		for (const [i, spike] of [0, 777, 31_415, 99_999].entries())
			expect(Math.abs((high[i] as number) - spike)).toBeLessThanOrEqual(100);
		expect(high).toHaveLength(4);
	});

	test("of each bucket the lowest and the highest, in their order", () => {
		const { ys } = decimate([[1, 5, 2, 0, 4, 3, 9, 9, 9]], 0, 9, 3, []);
		expect(ys[0]).toEqual([1, 5, 0, 4, 9, 9]);
	});

	test("few moments are as they are, with a gap between episodes and at what is no number", () => {
		const { x, ys } = decimate([[1, Number.NaN, 3, 4]], 0, 4, 10, [2]);
		expect(x).toEqual([0, 1, 1.5, 2, 3]);
		expect(ys[0]).toEqual([1, null, null, 3, 4]);
	});

	test("a bucket of nothing but NaN is a gap", () => {
		const trace = new Float32Array(100).fill(Number.NaN, 0, 50);
		expect(decimate([trace], 0, 100, 2, []).ys[0]).toEqual([null, null, 0, 0]);
	});

	test("actions: the most frequent of each pixel", () => {
		expect([...mostFrequent([0, 1, 1, 2, 2, 0], 0, 6, 2)]).toEqual([1, 2]);
		expect([...mostFrequent([3, 1], 0, 2, 4)]).toEqual([3, 3, 1, 1]);
	});
});

describe("zoom", () => {
	test("stays inside of the recording and has some moments", () => {
		expect(fitted(-5, 50, 40)).toBeNull();
		expect(fitted(38, 39, 40)).toEqual([32, 40]);
		expect(fitted(-5, 5, 40)).toEqual([0, 10]);
	});

	test("keeps what lies under the pointer", () => {
		expect(zoomed([0, 100], 0.5, 20)).toEqual([10, 60]);
	});

	test("follows the moment, but leaves what a link shows", () => {
		stretch.value = [0, 10];
		moment.value = 25;
		const end = keepMomentShown();
		expect(stretch.value).toEqual([0, 10]);
		moment.value = 30;
		expect(stretch.value).toEqual([25, 35]);
		moment.value = 33;
		expect(stretch.value).toEqual([25, 35]);
		end();
	});

	test("time is that of the episode where only one is shown", () => {
		expect(episodeOf([15, 30], known.episodes)).toBe(1);
		expect(episodeOf([14, 30], known.episodes)).toBeNull();
		expect(axisOf([16, 20], known.episodes, 0.5, true)).toEqual({ origin: 15, rows: 2, title: "seconds of episode 1" });
		expect(axisOf([0, 40], known.episodes, null, true)).toEqual({
			origin: 0,
			rows: 1,
			title: "decisions of the recording",
		});
		expect(axisOf([0, 9000], [], 0.5, true)).toMatchObject({ rows: 120, title: "minutes of the recording" });
	});
});

describe("lanes", () => {
	test("what is offered, and what is shown at first", () => {
		expect(offered(known).map((each) => each.title)).toEqual(["Value", "Reward", "Fuel", "Position x", "Position y"]);
		expect(keysOf(undefined, known)).toEqual(["value", "variable:fuel:0"]);
		expect(keysOf("", known)).toEqual([]);
	});

	test("numbers of each, and of the picked unit, which is there once", async () => {
		const keys = ["variable:position:1", "unit:memory:3"];
		const lanes = await lanesOf(given.index, keys, { layer: "conv1", unit: 1 });
		expect(lanes.map((each) => [each.title, each.isPicked])).toEqual([
			["Position y", false],
			["Memory 3", false],
			["First convolution 1", true],
		]);
		expect(lanes[0]?.numbers?.[17]).toBe(-17);
		expect(lanes[1]?.numbers?.[17]).toBeCloseTo(0.68, 3);
		expect(await lanesOf(given.index, keys, { layer: "memory", unit: 3 })).toHaveLength(2);
	});

	test("what is not here, or makes no sense, says so alone", async () => {
		const lanes = await lanesOf(given.index, ["unit:memory:99", "variable:height:0", "%:%", "value"], null);
		expect(lanes.map((each) => each.fault !== "")).toEqual([true, true, true, false]);
	});

	test("as a table: one line for each moment that is shown", async () => {
		const lanes = await lanesOf(given.index, ["variable:fuel:0"], null);
		const strips = stripsOf(known);
		const actions = [Float32Array.from({ length: 40 }, (_, row) => row % 2), new Float32Array(40)];
		expect(tableOfTraces(known, lanes, actions, strips, [14, 17])).toEqual([
			["row", "episode", "step", "time (s)", "Fuel (l)", "turn", "move"],
			[14, 0, 14, 7, 86, "left", "stay"],
			[15, 1, 0, 0, 85, "right", "stay"],
			[16, 1, 1, 0.5, 84, "left", "stay"],
		]);
	});
});
