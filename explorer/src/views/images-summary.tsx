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
						{places.length > 1 && <th scope="col">Place</th>}
						<th scope="col">Mean, 95%</th>
						<th scope="col">n</th>
					</tr>
				</thead>
				<tbody>
					{found.map(({ name, valence, means }) =>
						places.map((place, i) => (
							<tr key={`${name}-${place}`}>
								{i === 0 && (
									<th scope="rowgroup" rowSpan={places.length}>
										<span class="images-tone" style={{ background: cssOf(toneOf(valence)) }} />
										<button type="button" onClick={() => choose("images.class", name)} title="Show only these">
											{name}
										</button>
									</th>
								)}
								{places.length > 1 && <th scope="row">{place}</th>}
								<MeanCells {...(means[i] as Mean)} />
							</tr>
						)),
					)}
				</tbody>
			</table>
		</div>
	);
}

function MeanCells({ mean, low, high, n }: Mean) {
	return (
		<>
			<td>
				{n === 0 ? "–" : say(mean)}
				{!Number.isNaN(low) && (
					<small>
						{say(low)} to {say(high)}
					</small>
				)}
			</td>
			<td>{n}</td>
		</>
	);
}
