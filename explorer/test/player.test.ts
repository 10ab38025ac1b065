// @vitest-environment happy-dom

import { beforeEach, describe, expect, test, vi } from "vitest";
import { listen } from "../src/data/loading";
import type { Head, Recording, SaliencyPanel } from "../src/data/schema";
import { KEYS, keyOf, toggleSaliency } from "../src/keyboard";
import { due, speedIn, speedsOf } from "../src/parts/playing";
import { type Choice, choices, chosenMap, mappedBy, toComputeMore } from "../src/parts/saliency";
import { classesAt, episodeBy, eventBy, happenedIn, playOrPause, stepBy, unitBy } from "../src/parts/walking";
import { choose, chosen, goTo, index, isPlaying, moment, readAddress, unit } from "../src/state";
import { factsAt } from "../src/views/player-facts";
import { barsOf } from "../src/views/player-outputs";
import { scaleFor } from "../src/views/player-picture";
import { type Planted, planted, serve } from "./planted";

let given: Planted;
let known: Recording;

beforeEach(() => {
	vi.restoreAllMocks();
	vi.stubGlobal("createImageBitmap", async () => ({ width: 24, height: 16 }));
	listen();
	given = planted();
	serve(given.chunks);
	index.value = given.index;
	known = given.index.recording as Recording;
	readAddress("");
	isPlaying.value = false;
});

describe("a moment", () => {
	const target = () => (given.index.panels[2] as SaliencyPanel).targets[0] ?? null;

	test("has all that is known of it", async () => {
		const facts = await factsAt(known, 20, target());
		expect(facts.faults).toEqual([]);
		expect(facts.value).toBe(2);
		expect(facts.reward).toBe(1);
		expect([...(facts.actions ?? [])]).toEqual([0, 2]);
		expect(facts.variables.map((each) => [...(each ?? [])])).toEqual([[80], [20, -20]]);
		expect(facts.events.map((each) => each.name)).toEqual(["apple"]);
		expect(facts.picture).toMatchObject({ left: 0, top: 4 });
		expect(facts.map?.[20]).toBe(1);
		expect([...(facts.mapped ?? [])]).toEqual([3, 10, 20]);
	});

	test("without a map says where there are some; objects in view", async () => {
		const facts = await factsAt(known, 1, target());
		expect(facts.map).toBeNull();
		expect(facts.mapped).toHaveLength(3);
		expect(facts.objects).toEqual([
			{ name: "poison", valence: -1, left: 3, top: 0, width: 1, height: 1, distance: 60 },
		]);
		expect((await factsAt(known, 39, null)).objects).toEqual([]);
	});

	test("with damage has the rest, and says what is damaged", async () => {
		const damaged = planted();
		for (const name of ["saliency/value/maps/0", "variables/fuel/0", "events/door/0"]) damaged.chunks.delete(name);
		vi.restoreAllMocks();
		vi.resetModules();
		const facts = await import("../src/views/player-facts");
		(await import("../src/data/loading")).listen();
		serve(damaged.chunks);
		const found = await facts.factsAt(damaged.index.recording as Recording, 10, target());
		expect(found.variables[0]).toBeNull();
		expect([...(found.variables[1] ?? [])]).toEqual([10, -10]);
		expect(found.value).toBe(1);
		expect(found.faults).toHaveLength(3);
		expect(found.faults.join()).toMatch(/fuel\/0.js is missing/);
	});

	test("bars of heads of every kind", () => {
		const heads: Head[] = [
			{ name: "turn", kind: "choice", outputs: ["left", "right"] },
			{ name: "wheel", kind: "gaussian", outputs: ["angle", "gas"] },
			{ name: "gear", kind: "q_values", outputs: ["low", "high"] },
		];
		const [turn, wheel, gear] = barsOf(heads, [0.3, 0.7, -0.5, 0.25, 8, 9], [1, -0.4, 0.2, 0]);
		expect(turn?.map((each) => [each.name, each.number, each.isTaken])).toEqual([
			["left", 0.3, false],
			["right", 0.7, true],
		]);
		expect(wheel?.map((each) => [each.number, each.taken, each.isTaken])).toEqual([
			[-0.5, -0.4, false],
			[0.25, 0.2, false],
		]);
		expect(gear?.map((each) => [each.number, each.isTaken])).toEqual([
			[8, true],
			[9, false],
		]);
	});

	test("its frame is as many times as large as fits, whole times where little room is left", () => {
		expect(scaleFor(128, 72, { width: 263, height: 200, density: 1 })).toBe(2);
		expect(scaleFor(160, 120, { width: 300, height: 400, density: 1 })).toBe(1.875);
		expect(scaleFor(84, 84, { width: 263, height: 200, density: 2 })).toBe(4);
	});
});

describe("ways through the recording", () => {
	test("by decisions, never beyond its ends", () => {
		stepBy(-1);
		expect(moment.value).toBe(0);
		stepBy(10);
		expect(moment.value).toBe(10);
		stepBy(100);
		expect(moment.value).toBe(39);
	});

	test("by episodes", () => {
		moment.value = 17;
		episodeBy(1);
		expect(moment.value).toBe(30);
		episodeBy(1);
		expect(moment.value).toBe(30);
		episodeBy(-1);
		expect(moment.value).toBe(15);
	});

	test("by events of all classes", async () => {
		const visited: number[] = [];
		for (let i = 0; i < 5; i++) {
			await eventBy(1);
			visited.push(moment.value);
		}
		expect(visited).toEqual([5, 12, 20, 33, 33]);
		await eventBy(-1);
		expect(moment.value).toBe(20);
		expect(classesAt(await happenedIn(known), 12)).toEqual([1]);
		expect(classesAt(await happenedIn(known), 13)).toEqual([]);
	});

	test("by units, round and round", () => {
		unitBy(1);
		expect(unit.value).toEqual({ layer: "conv1", unit: 0 });
		unitBy(-1);
		expect(unit.value).toEqual({ layer: "conv1", unit: 3 });
		unitBy(1);
		expect(unit.value).toEqual({ layer: "conv1", unit: 0 });
	});

	test("the moments that have a map, from one to the next", async () => {
		choose("saliency", "saliency/value");
		goTo(4);
		const seen: number[] = [];
		for (const direction of [1, 1, 1, -1, -1, -1] as const) {
			await mappedBy(direction);
			seen.push(moment.value);
		}
		expect(seen).toEqual([10, 20, 20, 10, 3, 3]);
	});

	test("what to run for a map of this moment, where an analysis makes some", () => {
		const choice = choices()[0] as Choice;
		expect(toComputeMore(choice, known, 20)).toBeNull();
		const episodes = [...known.episodes, { start: 40, stop: 5000, ending: "" }];
		const of = (row: number) =>
			toComputeMore(
				{ ...choice, panel: { ...choice.panel, analysis: "episode_attribution" } },
				{ ...known, episodes },
				row,
			);
		expect(of(20)?.command).toBe("--set episode_attribution.episode=1");
		expect(of(40 + 2345)?.command).toBe("--set episode_attribution.episode=3 --set episode_attribution.start=2000");
	});

	test("playing begins anew from the end", () => {
		moment.value = 39;
		playOrPause();
		expect([moment.value, isPlaying.value]).toEqual([0, true]);
		playOrPause();
		expect(isPlaying.value).toBe(false);
	});

	test("the clock: real time, rests of decisions, and no leap after a pause of the browser", () => {
		expect(speedIn(speedsOf(0.5), "4x").rate).toBe(8);
		expect(speedIn(speedsOf(0.5), "50/s").rate).toBe(2);
		expect(speedIn(speedsOf(null), undefined).rate).toBe(10);
		expect(due(0.5, 0.1, 8)[0]).toBe(1);
		expect(due(0.5, 0.1, 8)[1]).toBeCloseTo(0.3);
		expect(due(0, 60, 8)).toEqual([2, 0]);
	});
});

describe("saliency that is chosen", () => {
	test("by name, or that of the picked unit", () => {
		expect(chosenMap()).toBeNull();
		choose("saliency", "saliency/value");
		expect(chosenMap()?.target.name).toBe("value");
		choose("saliency", "picked");
		expect(chosenMap()).toBeNull();
		unit.value = { layer: "memory", unit: 2 };
		expect(chosenMap()?.target.name).toBe("component");
	});

	test("off and on again is the same one", () => {
		choose("saliency", "saliency/component");
		toggleSaliency();
		expect(chosen.value.saliency).toBe("");
		toggleSaliency();
		expect(chosen.value.saliency).toBe("saliency/component");
	});
});

describe("keys", () => {
	function press(html: string, key: string, options: KeyboardEventInit = {}): string | undefined {
		document.body.innerHTML = html;
		let found: string | undefined;
		const hear = (event: Event) => {
			found = keyOf(event as KeyboardEvent)?.does;
		};
		document.addEventListener("keydown", hear, { once: true });
		const target = document.body.firstElementChild ?? document.body;
		target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...options }));
		return found;
	}

	test("act on the page", () => {
		expect(press("<p></p>", " ")).toBe("play, pause");
		expect(press("<p></p>", "ArrowRight")).toBe("one decision on");
		expect(press("<p></p>", "ArrowRight", { shiftKey: true })).toBe("ten decisions on");
		expect(press("<p></p>", "?", { shiftKey: true })).toBe("this list");
		expect(press("<p></p>", "E", { shiftKey: true })).toBe("previous event");
	});

	test("belong to what has the focus, where it needs them", () => {
		expect(press("<textarea></textarea>", "e")).toBeUndefined();
		expect(press("<input type=number>", "1")).toBeUndefined();
		expect(press("<select></select>", "e")).toBeUndefined();
		expect(press("<button></button>", " ")).toBeUndefined();
		expect(press("<button></button>", "e")).toBe("next event");
		expect(press("<input type=range>", "ArrowRight")).toBeUndefined();
		expect(press("<input type=range>", "e")).toBe("next event");
		expect(press("<button role=tab></button>", "ArrowRight")).toBeUndefined();
		expect(press("<p></p>", "e", { ctrlKey: true })).toBeUndefined();
	});

	test("each is listed once", () => {
		expect(new Set(KEYS.map((each) => each.name)).size).toBe(KEYS.length);
	});
});
