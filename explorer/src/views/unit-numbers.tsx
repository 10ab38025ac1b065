/** Numbers that were measured for the picked unit. */

import { useState } from "preact/hooks";
import { readRows } from "../data/loading";
import type { UnitNumbersPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Part } from "../parts/part";
import { saveCsv } from "../parts/saving";
import { say } from "../parts/words";
import { panelsOf } from "../state";
import type { PickedUnit } from "./unit";

const FIRST = 8;

export function UnitNumbers({ layer, unit }: PickedUnit) {
	const panels = panelsOf("unit_numbers").filter((each) => each.layer === layer);
	const { value, fault } = useAnswer(() => Promise.all(panels.map((each) => numbersOf(each, unit))), [layer, unit]);
	const [isWhole, setWhole] = useState(false);
	if (panels.length === 0) return null;
	const rows = panels.flatMap((panel, i) =>
		panel.numbers.map(({ name, title, units }, j) => {
			const number = value?.[i]?.[j] ?? Number.NaN;
			return { key: `${panel.name}/${name}`, title, units, number, from: panel.title };
		}),
	);
	const csv = () =>
		saveCsv(`${layer}-${unit}-numbers`, [
			["number", "value", "units", "of"],
			...rows.map((each) => [each.title, each.number, each.units, each.from]),
		]);
	return (
		<Part title="Numbers" downloads={[{ format: "CSV", run: csv }]} fault={fault}>
			<table class="unit-numbers">
				<tbody>
					{(isWhole ? rows : rows.slice(0, FIRST)).map(({ key, title, units, number, from }) => (
						<tr key={key} title={from}>
							<th scope="row">{title}</th>
							<td>
								{Number.isNaN(number) ? <span class="soft">not measured</span> : say(number)}{" "}
								{!Number.isNaN(number) && units}
							</td>
						</tr>
					))}
				</tbody>
			</table>
			{rows.length > FIRST && (
				<button type="button" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
					{isWhole ? "Show fewer" : `Show all ${rows.length}`}
				</button>
			)}
		</Part>
	);
}

async function numbersOf(panel: UnitNumbersPanel, unit: number): Promise<Float32Array | null> {
	return unit < panel.values.rows ? readRows(panel.values, unit, unit + 1) : null;
}
