/** Which unit: by layer and number, or by its picture. */

import { useMemo } from "preact/hooks";
import { Cells } from "../parts/cells";
import { Select } from "../parts/view";
import { choose, chosen, index, layerOf, measured, panelsOf, pickUnit, unit } from "../state";
import { FieldPicture } from "./unit-pictures";

const CELL = 38;
const ROWS_SHOWN = 3;

export function UnitPicker({ width }: { width: number }) {
	const layers = [...(index.value?.layers ?? []), ...measured.value];
	const picked = unit.value;
	const layer = (picked && layerOf(picked.layer)) ?? layers[0];
	if (!layer) return null;
	const last = layer.units - 1;
	const go = (number: number) => pickUnit(layer.name, Math.min(Math.max(number, 0), last));
	const at = picked?.unit ?? null;
	return (
		<div class="unit-picker">
			<div class="unit-settings">
				<Select
					label="Layer"
					value={layer.name}
					options={layers.map((each) => ({
						value: each.name,
						title: each.title,
						group: each.activity.rows ? "" : "measured, not recorded",
					}))}
					onPick={(name) => pickUnit(name, 0)}
				/>
				<span class="unit-number">
					<button type="button" aria-label="Previous unit" title="Previous unit" onClick={() => go((at ?? 1) - 1)}>
						‹
					</button>
					<label class="select">
						<span>{layer.quantity === "component" ? "Component" : "Unit"}</span>
						<input
							type="number"
							min={0}
							max={last}
							step={1}
							value={at ?? ""}
							onChange={(event) => {
								const number = event.currentTarget.valueAsNumber;
								if (Number.isInteger(number)) go(number);
							}}
						/>
					</label>
					<button type="button" aria-label="Next unit" title="Next unit" onClick={() => go((at ?? -1) + 1)}>
						›
					</button>
					<span class="soft">of 0 to {last}</span>
				</span>
			</div>
			<Thumbnails layer={layer.name} units={layer.units} width={width} />
		</div>
	);
}

function Thumbnails({ layer, units, width }: { layer: string; units: number; width: number }) {
	const panels = panelsOf("unit_pictures").filter((each) => each.layer === layer);
	const panel = panels.find((each) => each.name === chosen.value.thumbnails) ?? panels[0];
	const groups = useMemo(() => [{ title: "", items: Array.from({ length: units }, (_, i) => i) }], [units]);
	if (!panel || units < 2) return null;
	const across = Math.max(1, Math.floor(width / CELL));
	const high = Math.round((CELL * panel.height) / panel.width);
	const rows = Math.min(Math.ceil(units / across), high > 2 * CELL ? 1 : ROWS_SHOWN);
	return (
		<>
			{panels.length > 1 && (
				<Select
					label="Pictures"
					value={panel.name}
					options={panels.map((each) => ({ value: each.name, title: each.title }))}
					onPick={(name) => choose("thumbnails", name)}
				/>
			)}
			<div class="unit-thumbnails" style={{ height: `${rows * high + 4}px` }}>
				<Cells
					name="thumbnail"
					label={`All units of ${layer} by their pictures`}
					groups={groups}
					width={CELL}
					height={high}
					current={unit.value?.layer === layer ? unit.value.unit : null}
					onPick={(item) => pickUnit(layer, item)}
					nameOf={(item) => `unit ${item}`}
					show={(item) => <FieldPicture key={panel.name} panel={panel} unit={item} plane={0} width={CELL - 4} />}
				/>
			</div>
		</>
	);
}
