/** Pictures of the picked unit: receptive fields, as in the figures. */

import { readRows } from "../data/loading";
import type { UnitPicturesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { FieldCanvas, namesOfChannels, Planes, pixelsOf, sheetOf } from "../parts/field_canvas";
import { scaleOf } from "../parts/fields";
import { Part } from "../parts/part";
import { saveCsv, savePng } from "../parts/saving";
import { panelsOf } from "../state";
import type { PickedUnit } from "./unit";

async function pictureOf(panel: UnitPicturesPanel, unit: number): Promise<Float32Array | null> {
	if (unit >= panel.pictures.rows) return null;
	const numbers = await readRows(panel.pictures, unit, unit + 1);
	return numbers.some((each) => !Number.isNaN(each)) ? numbers : null;
}

export function UnitPictures(picked: PickedUnit) {
	const panels = panelsOf("unit_pictures").filter((each) => each.layer === picked.layer);
	return (
		<>
			{panels.map((panel) => (
				<Pictures key={panel.name} panel={panel} {...picked} />
			))}
		</>
	);
}

function Pictures({ panel, layer, unit, width }: PickedUnit & { panel: UnitPicturesPanel }) {
	const { value, fault, isWaiting } = useAnswer(() => pictureOf(panel, unit), [panel, unit]);
	const scale = value ? scaleOf(value) : 0;
	const name = `${layer}-${unit}-${panel.name}`;
	const downloads = value
		? [
				{ format: "PNG", run: () => savePng(name, sheetOf([value], panel, panel.is_signed, scale)) },
				{
					format: "CSV",
					run: () => saveCsv(name, [["row", "column", ...namesOfChannels(panel.channels)], ...pixelsOf(value, panel)]),
				},
			]
		: [];
	return (
		<Part title={panel.title} downloads={downloads} fault={fault}>
			{value && <Planes numbers={value} shape={panel} isSigned={panel.is_signed} scale={scale} width={width} />}
			{!value && !isWaiting && !fault && <p class="line">This unit was not measured, or never answered.</p>}
			{panel.notes[unit] && <p class="line">{panel.notes[unit]}</p>}
			{panel.note && <p class="line soft">{panel.note}</p>}
			<Caption text={panel.caption} />
		</Part>
	);
}

interface FieldProps {
	panel: UnitPicturesPanel;
	unit: number;
	/** Of `planesOf`. */
	plane: number;
	/** Pixels. */
	width: number;
}

export function FieldPicture({ panel, unit, plane, width }: FieldProps) {
	const { value } = useAnswer(() => pictureOf(panel, unit), [panel, unit]);
	const scale = value ? scaleOf(value) : 0;
	return (
		<FieldCanvas numbers={value} shape={panel} plane={plane} isSigned={panel.is_signed} scale={scale} width={width} />
	);
}
