/** Which maps of saliency there are, and which one is chosen. */

import { episodeOf } from "../data/episodes";
import { readColumn } from "../data/loading";
import type { Recording, SaliencyPanel } from "../data/schema";
import { chosen, goTo, isPlaying, moment, panelsOf, unit } from "../state";
import { firstFrom } from "./searching";

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

/** What makes `episode_attribution` look at other decisions than the first of an episode. */
const WINDOW = 1000;

/** Options that add maps of moments like this one; null where none are known. */
export function toComputeMore(
	{ panel }: Choice,
	{ episodes }: Recording,
	row: number,
): { what: string; command: string } | null {
	if (panel.analysis === "component_gallery")
		return { what: "For more examples of every component", command: "--set component_gallery.per_level=12" };
	if (panel.analysis !== "episode_attribution") return null;
	const episode = episodeOf(episodes, row);
	const step = row - (episodes[episode]?.start ?? 0);
	const start = step < WINDOW ? "" : ` --set episode_attribution.start=${step - (step % WINDOW)}`;
	return { what: "For this episode", command: `--set episode_attribution.episode=${episode}${start}` };
}

/** To the next (1) or the last (-1) moment that has the chosen map. */
export async function mappedBy(direction: 1 | -1): Promise<void> {
	const choice = chosenMap();
	if (!choice) return;
	const rows = await readColumn(choice.target.rows);
	const at = firstFrom(rows, moment.value + (direction === 1 ? 1 : 0));
	const found = rows[direction === 1 ? at : at - 1];
	if (found === undefined) return;
	isPlaying.value = false;
	goTo(found);
}
