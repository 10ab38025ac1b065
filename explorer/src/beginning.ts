/** Where a page without an address begins: something is picked, so that every view has something to show. */

import { goTo, index, pickUnit, recording, unit } from "./state";

export function pickFirst(): void {
	const known = index.value;
	if (!known) return;
	const first = recording.value?.episodes[0];
	if (first) goTo(first.start + Math.floor((first.stop - first.start) / 3));
	const pictured = known.panels.find((panel) => panel.kind === "unit_pictures");
	const layer =
		known.layers.find((each) => each.quantity === "component") ??
		known.layers.find((each) => each.role === "memory") ??
		known.layers.find((each) => pictured?.kind === "unit_pictures" && each.name === pictured.layer) ??
		known.layers.at(-1);
	if (layer && unit.value === null) pickUnit(layer.name, 0);
}
