/** Pictures of the picked unit: receptive fields, as in the figures. */

import { useEffect, useRef } from "preact/hooks";
import { readRows } from "../data/loading";
import type { UnitPicturesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { canvasOf, paintField, planesOf, scaleOf } from "../parts/fields";
import { Part } from "../parts/part";
import { saveCsv, savePng } from "../parts/saving";
import { say } from "../parts/words";
import { panelsOf } from "../state";
import type { PickedUnit } from "./unit";

const GAP = 4;
const LARGEST = 150;

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
	const place = useRef<HTMLDivElement>(null);
	const planes = planesOf(panel);
	const shown = Math.min(planes.length, 4);
	const each = Math.floor(
		Math.min((width - (shown - 1) * GAP) / shown, LARGEST * Math.max(1, panel.width / panel.height)),
	);
	const scale = value ? scaleOf(value) : 0;
	const name = `${layer}-${unit}-${panel.name}`;
	const downloads = value
		? [
				{ format: "PNG", run: () => savePng(name, sheetOf(panel, value)) },
				{ format: "CSV", run: () => saveCsv(name, rowsOf(panel, value)) },
			]
		: [];
	return (
		<Part title={panel.title} downloads={downloads} fault={fault}>
			{value && (
				<div class="unit-planes" ref={place}>
					{planes.map(({ name: plane }, number) => (
						<figure key={plane}>
							<FieldPicture panel={panel} unit={unit} plane={number} width={each} />
							{plane && <figcaption>{plane}</figcaption>}
						</figure>
					))}
				</div>
			)}
			{!value && !isWaiting && !fault && <p class="line">This unit was not measured, or never answered.</p>}
			{value && panel.is_signed && (
				<p class="unit-range">
					<span class="soft">−{say(scale)}</span> <span class="diverging-bar" aria-hidden="true" />{" "}
					<span class="soft">+{say(scale)}</span>
				</p>
			)}
			{value && !panel.is_signed && <p class="soft">0 to {say(scale)}</p>}
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
	const place = useRef<HTMLCanvasElement>(null);
	const { value } = useAnswer(() => pictureOf(panel, unit), [panel, unit]);
	useEffect(() => {
		const canvas = place.current;
		if (!canvas) return;
		canvas.width = panel.width;
		canvas.height = panel.height;
		const channel = planesOf(panel)[plane]?.channel ?? null;
		if (!value) return;
		const bytes = paintField(value, panel, channel, panel.is_signed, scaleOf(value));
		canvas.getContext("2d")?.putImageData(new ImageData(bytes, panel.width, panel.height), 0, 0);
	}, [value, plane]);
	const height = Math.round((width * panel.height) / panel.width);
	return <canvas class="field" ref={place} style={{ width: `${width}px`, height: `${height}px` }} />;
}

/** All planes side by side, large enough to be looked at. */
function sheetOf(panel: UnitPicturesPanel, numbers: Float32Array): HTMLCanvasElement {
	const planes = planesOf(panel);
	const factor = Math.max(1, Math.ceil(256 / panel.width));
	const canvas = document.createElement("canvas");
	const across = panel.width * factor + 2 * GAP;
	canvas.width = across * planes.length;
	canvas.height = panel.height * factor;
	const pen = canvas.getContext("2d");
	if (!pen) return canvas;
	pen.imageSmoothingEnabled = false;
	planes.forEach(({ channel }, i) => {
		const bytes = paintField(numbers, panel, channel, panel.is_signed, scaleOf(numbers));
		const drawn = canvasOf(bytes, panel.width, panel.height);
		pen.drawImage(drawn, i * across, 0, panel.width * factor, canvas.height);
	});
	return canvas;
}

function rowsOf(panel: UnitPicturesPanel, numbers: Float32Array): (string | number)[][] {
	const names =
		panel.channels === 3 ? ["red", "green", "blue"] : Array.from({ length: panel.channels }, (_, i) => `channel_${i}`);
	const rows: (string | number)[][] = [["row", "column", ...names]];
	for (let pixel = 0; pixel < panel.height * panel.width; pixel++) {
		const at = pixel * panel.channels;
		rows.push([Math.floor(pixel / panel.width), pixel % panel.width, ...numbers.subarray(at, at + panel.channels)]);
	}
	return rows;
}
