/** Mean response by class and place, over images. */

import type { ImagesPanel } from "../data/schema";
import { cssOf, toneOf } from "../parts/colours";
import { saveCsv } from "../parts/saving";
import { summaryOf } from "../parts/shown";
import type { Mean } from "../parts/statistics";
import { say } from "../parts/words";
import { choose } from "../state";
import type { Measure } from "./images";

interface Props {
	panel: ImagesPanel;
	numbers: Float32Array;
	measure: Measure;
}

export function ImagesSummary({ panel, numbers, measure }: Props) {
	const found = summaryOf(panel, numbers);
	const places = panel.places.length > 1 ? [...panel.places, "all places"] : panel.places;
	const what = `${measure.group ? `${measure.group}: ` : ""}${measure.title}`;
	const csv = () =>
		saveCsv(`${panel.name}-summary`, [
			["class", "place", "mean", "low", "high", "n"],
			...found.flatMap(({ name, means }) =>
				places.map((place, i) => {
					const { mean, low, high, n } = means[i] as Mean;
					return [name, place, mean, low, high, n];
				}),
			),
		]);
	return (
		<div class="images-summary">
			<h3>Mean by class and place</h3>
			<p class="caption">
				{what}; 95% intervals over images (n).{" "}
				<span class="view-downloads">
					<button type="button" onClick={csv} aria-label="Download means as CSV">
						CSV
					</button>
				</span>
			</p>
			<table>
				<thead>
					<tr>
						<th scope="col">Class</th>
						{places.map((place) => (
							<th key={place} scope="col">
								{place}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{found.map(({ name, valence, means }) => (
						<tr key={name}>
							<th scope="row">
								<span class="images-tone" style={{ background: cssOf(toneOf(valence)) }} />
								<button type="button" onClick={() => choose("images.class", name)} title="Show only these">
									{name}
								</button>
							</th>
							{places.map((place, i) => (
								<MeanCell key={place} {...(means[i] as Mean)} />
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function MeanCell({ mean, low, high, n }: Mean) {
	if (n === 0) return <td>–</td>;
	return (
		<td>
			{say(mean)}
			<small>
				{Number.isNaN(low) ? "no interval" : `${say(low)} to ${say(high)}`} (n = {n})
			</small>
		</td>
	);
}
