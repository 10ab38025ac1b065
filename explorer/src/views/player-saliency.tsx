/** What the colours over the frame mean, whether they can be believed, and where there are some. */

import { scaleOf } from "../parts/fields";
import { type Choice, choices, chosenMap, PICKED, toComputeMore } from "../parts/saliency";
import { firstFrom } from "../parts/searching";
import { MapKey } from "../parts/verdict";
import { Select } from "../parts/view";
import { count } from "../parts/words";
import { recipeOfRows } from "../selection";
import { choose, chosen, episodeAt, goTo, isPlaying, moment, recording, select } from "../state";
import type { Facts } from "./player-facts";

export function SaliencySelect() {
	const all = choices();
	if (all.length === 0) return null;
	const hasUnits = all.some(({ target }) => target.unit !== null);
	const options = [{ value: "", title: "none" }, ...(hasUnits ? [{ value: PICKED, title: "of the picked unit" }] : [])];
	return (
		<Select
			label="Saliency"
			value={chosen.value.saliency ?? ""}
			options={[...options, ...all]}
			onPick={(value) => choose("saliency", value)}
		/>
	);
}

export function SaliencyNote({ facts }: { facts: Facts | null }) {
	const wanted = chosen.value.saliency ?? "";
	if (!wanted) return null;
	const choice = chosenMap();
	if (!choice)
		return (
			<p class="saliency-note">
				{wanted === PICKED ? "No map was made of the picked unit." : "This page has no such map."}
			</p>
		);
	const { verdict, has_passed: hasPassed } = choice.target;
	return (
		<div class="saliency-note">
			{facts?.map && <MapKey scale={scaleOf(facts.map)} />}
			{facts?.mapped && <Where rows={facts.mapped} choice={choice} />}
			{verdict && (
				<p>
					<strong class={hasPassed === false ? "failed" : ""}>
						{hasPassed === null ? "Not checked" : hasPassed ? "✓ Check passed" : "✗ Check failed"}
					</strong>
					: {verdict}
				</p>
			)}
		</div>
	);
}

/** At which moments there are maps, the ways there, and what to run for others. */
function Where({ rows, choice }: { rows: Float32Array; choice: Choice }) {
	const known = recording.value;
	if (!known) return null;
	const now = moment.value;
	const at = firstFrom(rows, now);
	const isHere = rows[at] === now;
	const [before, after] = [rows[at - 1], rows[isHere ? at + 1 : at]];
	const go = (row: number | undefined) => () => {
		isPlaying.value = false;
		if (row !== undefined) goTo(row);
	};
	const more = toComputeMore(choice, known, now);
	return (
		<>
			<p>
				{isHere ? "There is a map at this moment" : "No map at this moment"}; {count(rows.length)} of{" "}
				{count(known.rows)} moments have one: {sayEpisodes(rows)}.
			</p>
			<p class="saliency-ways">
				<button
					type="button"
					disabled={before === undefined}
					onClick={go(before)}
					aria-label="Previous moment with saliency"
					title="Previous moment with saliency (M)"
				>
					‹ Previous
				</button>{" "}
				<button
					type="button"
					disabled={after === undefined}
					onClick={go(after)}
					aria-label="Next moment with saliency"
					title="Next moment with saliency (m)"
				>
					Next ›
				</button>{" "}
				<button type="button" onClick={() => select(recipeOfRows(rows))}>
					Select them
				</button>
			</p>
			{!isHere && more && (
				<p>
					{more.what}, add to the command that made this page: <code>{more.command}</code>
				</p>
			)}
		</>
	);
}

const EPISODES_SAID = 4;

/** "episodes 0 (decisions 0 to 47), 3 (2 decisions)". */
function sayEpisodes(rows: Float32Array): string {
	const found = new Map<number, number[]>();
	for (const row of rows) {
		const episode = episodeAt(row);
		const step = row - (recording.value?.episodes[episode]?.start ?? 0);
		const steps = found.get(episode);
		if (steps) steps.push(step);
		else found.set(episode, [step]);
	}
	const said = [...found].slice(0, EPISODES_SAID).map(([episode, steps]) => {
		const [first, last] = [steps[0] as number, steps[steps.length - 1] as number];
		const isWhole = last - first + 1 === steps.length && steps.length > 1;
		return `${episode} (${isWhole ? `decisions ${first} to ${last}` : `${steps.length} decision${steps.length > 1 ? "s" : ""}`})`;
	});
	const others = found.size - said.length;
	return `episode${found.size > 1 ? "s" : ""} ${said.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}
