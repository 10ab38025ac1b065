/** Which maps of saliency there are, and which one is chosen. */

import type { SaliencyPanel } from "../data/schema";
import { chosen, panelsOf, unit } from "../state";

export interface Choice {
	/** "PANEL/TARGET". */
	value: string;
	title: string;
	group: string;
	panel: SaliencyPanel;
	target: SaliencyPanel["targets"][number];
}

export const PICKED = "picked";

export function choices(): Choice[] {
	return panelsOf("saliency").flatMap((panel) =>
		panel.targets.map((target) => ({
			value: `${panel.name}/${target.name}`,
			title: target.title,
			group: panel.title,
			panel,
			target,
		})),
	);
}

/** The choice that is made; null for none, and where the picked unit has no map. */
export function chosenMap(): Choice | null {
	const wanted = chosen.value.saliency ?? "";
	if (!wanted) return null;
	const all = choices();
	if (wanted !== PICKED) return all.find((each) => each.value === wanted) ?? null;
	const picked = unit.value;
	return all.find(({ target }) => target.layer === picked?.layer && target.unit === picked?.unit && !!picked) ?? null;
}
