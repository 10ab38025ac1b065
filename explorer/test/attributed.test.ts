import { expect, test } from "vitest";
import type { ImagesPanel } from "../src/data/schema";
import { attributedPairs, attributionsOf, nearestAttributed } from "../src/parts/attributed";

function panel(name: string, names: string[], classOf: number[], places: string[], targets: string[]): ImagesPanel {
	const saliency = targets.map((target) => ({ name: target, title: target, verdict: "", has_passed: null, maps: {} }));
	return {
		...{ kind: "images", name, names, class_of: classOf, classes: ["0", "1"], places },
		...{ saliency, saliency_rows: null },
	} as unknown as ImagesPanel;
}

const SHOWN = panel("shown", ["image 1", "image 2", "image 5", "image 9"], [0, 0, 1, 1], ["near", "far"], []);
const ATTRIBUTED = panel("attributed", ["image 2", "image 9"], [0, 1], ["near"], ["value", "forward"]);

test("a picture has its maps in every set that shows it", async () => {
	const all = [SHOWN, ATTRIBUTED];
	// Images 2 and 9 near, of four images at two places.
	expect(await attributedPairs(SHOWN, all)).toEqual([2, 6]);
	expect(await attributedPairs(ATTRIBUTED, all)).toEqual([0, 1]);
	const found = await attributionsOf(SHOWN, all, 6);
	expect(found.map(({ target, row, panel: of }) => [target.name, row, of.name])).toEqual([
		["value", 1, "attributed"],
		["forward", 1, "attributed"],
	]);
	expect(await attributionsOf(SHOWN, all, 7)).toEqual([]);
});

test("without maps the way leads to one of the same class", () => {
	expect(nearestAttributed(SHOWN, 4, [2, 6])).toBe(6);
	expect(nearestAttributed(SHOWN, 0, [2, 6])).toBe(2);
	expect(nearestAttributed(SHOWN, 4, [2])).toBe(2);
	expect(nearestAttributed(SHOWN, 4, [])).toBeNull();
});
