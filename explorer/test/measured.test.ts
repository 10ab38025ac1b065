import { expect, test } from "vitest";
import type { Index } from "../src/data/schema";
import { measuredOnly } from "../src/parts/measured";

test("layers that were measured and not recorded can be picked all the same", () => {
	const index = {
		layers: [{ name: "rnn", units: 64 }],
		panels: [
			{ kind: "order", layer: "conv9", units: [0] },
			{ kind: "unit_pictures", layer: "conv1", pictures: { rows: 16 } },
			{ kind: "unit_numbers", layer: "conv1", values: { rows: 12 } },
			{ kind: "unit_numbers", layer: "rnn", values: { rows: 64 } },
			{ kind: "examples", layer: "components", lists: [{ listed: { rows: 8 } }] },
			{ kind: "table", columns: [], rows: [] },
		],
	} as unknown as Index;
	expect(measuredOnly(index).map(({ name, units }) => [name, units])).toEqual([
		["conv1", 16],
		["components", 8],
	]);
	expect(measuredOnly(index)[0]?.activity.rows).toBe(0);
});
