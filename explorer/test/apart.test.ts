import { expect, test } from "vitest";
import type { AgentsPanel } from "../src/data/schema";
import { actAlike, distances, mostApart } from "../src/parts/apart";

type Agent = AgentsPanel["agents"][number];

const agent = (kind: "choice" | "gaussian", outputs: string[]) =>
	({
		name: "a",
		heads: [{ name: "turn", kind, outputs }],
		outputs: {},
		value: null,
		responses: [],
	}) as unknown as Agent;

test("the distance is 0 for the same probabilities and 1 where one never does what the other does", () => {
	const both = agent("choice", ["left", "right"]);
	const found = distances(both, [1, 0, 0.5, 0.5, 1, 0], [1, 0, 0.25, 0.75, 0, 1], 3);
	expect([...found]).toEqual([0, 0.25, 1]);
	expect(mostApart(found)).toEqual([2, 1, 0]);
});

test("continuous actions have no distance, and other actions are not compared", () => {
	expect(distances(agent("gaussian", ["angle"]), [1], [2], 1)[0]).toBeNaN();
	expect(mostApart(Float32Array.of(Number.NaN, Number.NaN))).toEqual([0, 1]);
	expect(actAlike(agent("choice", ["left"]), agent("choice", ["right"]))).toBe(false);
	expect(actAlike(agent("choice", ["left"]), agent("choice", ["left"]))).toBe(true);
	expect(actAlike({ ...agent("choice", ["left"]), outputs: null }, agent("choice", ["left"]))).toBe(false);
});
