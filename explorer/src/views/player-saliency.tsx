/** What the colours over the frame mean, whether they can be believed, and where there are some. */

import { scaleOf } from "../parts/fields";
import { choices, chosenMap, PICKED } from "../parts/saliency";
import { MapKey } from "../parts/verdict";
import { Select } from "../parts/view";
import { nearestTo } from "../parts/walking";
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
			{facts?.map ? <MapKey scale={scaleOf(facts.map)} /> : <Elsewhere facts={facts} />}
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

/** No map at this moment: where the nearest one is. */
function Elsewhere({ facts }: { facts: Facts | null }) {
	const known = recording.value;
	const rows = facts?.mapped;
	if (!rows || !known) return null;
	const nearest = nearestTo(rows, moment.value);
	if (nearest === null) return <p>No moment has this map.</p>;
	const episode = episodeAt(nearest);
	const step = nearest - (known.episodes[episode]?.start ?? 0);
	return (
		<p>
			No map at this moment; {count(rows.length)} of {count(known.rows)} moments have one.{" "}
			<button
				type="button"
				onClick={() => {
					isPlaying.value = false;
					goTo(nearest);
				}}
			>
				Nearest: episode {episode}, decision {step}
			</button>{" "}
			<button type="button" onClick={() => select(recipeOfRows(rows))}>
				Select them
			</button>
		</p>
	);
}
