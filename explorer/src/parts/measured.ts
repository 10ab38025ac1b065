/** Layers whose units can be picked: those with activity, and those of which only pictures, curves or numbers are here. */

import type { Index, Layer, Panel } from "../data/schema";

/** Units of a layer that a panel speaks of; 0 if it speaks of none. */
function unitsOf(panel: Panel): number {
	switch (panel.kind) {
		case "unit_pictures":
		case "checkpoint_pictures":
			return panel.pictures.rows;
		case "unit_numbers":
			return panel.values.rows;
		case "unit_curves":
			return panel.curves[0]?.values.rows ?? 0;
		case "examples":
			return panel.lists[0]?.listed.rows ?? 0;
		default:
			return 0;
	}
}

/** Layers without activity that panels of units are about, in the order in which these come. */
export function measuredOnly(index: Index): Layer[] {
	const units = new Map<string, number>();
	for (const panel of index.panels) {
		if (!("layer" in panel) || index.layers.some((each) => each.name === panel.layer)) continue;
		const count = Math.max(units.get(panel.layer) ?? 0, unitsOf(panel));
		if (count > 0) units.set(panel.layer, count);
	}
	return [...units].map(([name, count]): Layer => {
		const path = "";
		const low: number[] = [];
		return {
			name,
			title: name,
			role: "",
			units: count,
			quantity: name === "components" ? "component" : "activity",
			number_units: "",
			activity: { path, rows: 0, units: count, chunk_rows: 1, chunk_units: 1, low, high: low },
			overview: { column: { path, rows: 0, width: count, encoding: "code8", chunk_rows: 1 }, rows_per_bin: 1 },
		};
	});
}
