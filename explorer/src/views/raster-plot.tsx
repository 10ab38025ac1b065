/** The raster's picture and the marks over it; what people point at, drag and press there. */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { readColumn, readUnit } from "../data/loading";
import type { EventClass, Index, Layer } from "../data/schema";
import { useAnswer } from "../parts/asking";
import type { Shown } from "../parts/raster_data";
import { bandsOf, shifted, stretched } from "../parts/raster_image";
import { drawRasterMarks, type Frame, type RasterMarks } from "../parts/raster_marks";
import { inkOf, isDark, penOf, type Size } from "../parts/screen";
import type { Pen, Sheet } from "../parts/svg_pen";
import { count, say, sayMoment } from "../parts/words";
import { episodeAt, goTo, moment, pickUnit, select, selected, stretch, unit } from "../state";
import { drawBand, EVENTS, NAMES } from "./raster-drawing";

interface Props {
	place: RefObject<HTMLDivElement>;
	known: Index;
	layers: readonly Layer[];
	/** Units of each layer, top to bottom. */
	orders: Map<Layer, number[]>;
	shown: [number, number];
	size: Size;
	used: Shown[] | null;
	/** Told how to draw all of it into a file. */
	sheet: { current: Sheet | null };
}

async function readEvents(events: readonly EventClass[]) {
	return Promise.all(events.map(async (each) => ({ valence: each.valence, rows: await readColumn(each.rows) })));
}

export function RasterPlot({ place, known, layers, orders, shown, size, used, sheet }: Props) {
	const base = useRef<HTMLCanvasElement>(null);
	const over = useRef<HTMLCanvasElement>(null);
	const rows = known.recording?.rows ?? 0;
	const [start, stop] = shown;
	const width = Math.max(size.width - NAMES, 1);
	const bands = useMemo(() => bandsOf(layers, size.height - EVENTS), [layers, size.height]);
	const events = useAnswer(() => readEvents(known.recording?.events ?? []), [known]);

	useLayoutEffect(() => {
		const pen = base.current && size.width > 0 ? penOf(base.current, size) : null;
		if (!pen || !used) return;
		const columns = Math.round(width * size.density);
		for (const band of bands) {
			const data = used.find((each) => each.layer === band.item);
			if (data)
				drawBand(pen, data, orders.get(band.item) ?? [], band, shown, columns, width, size.density, isDark.value);
		}
	}, [used, bands, orders, start, stop, size, isDark.value]);

	const rowsSelected = selected.value;
	const picked = unit.value;
	const now = moment.value;
	const dark = isDark.value;
	const drag = useRef<{ x: number; y: number; far: boolean; selects: boolean; from: [number, number] } | null>(null);
	const [brush, setBrush] = useState<[number, number] | null>(null);
	useLayoutEffect(() => {
		const canvas = over.current;
		const pen = canvas && size.width > 0 ? penOf(canvas, size) : null;
		if (!canvas || !pen) return;
		const names = ["--ink", "--paper", "--mark", "--soft", "--line"].map((name) => inkOf(canvas, name));
		const [ink, paper, mark, soft, line] = names as [string, string, string, string, string];
		const band = bands.find((each) => each.item.name === picked?.layer);
		const row = band && picked ? (orders.get(band.item) ?? []).indexOf(picked.unit) : -1;
		const frame = { size, left: NAMES, top: EVENTS, shown, bands, ink: { ink, paper, mark, soft, line } };
		const unitMark =
			band && row >= 0 ? { top: EVENTS + band.top + ((row + 0.5) * band.height) / band.item.units } : null;
		const text = picked && band ? `${band.item.title} ${picked.unit}` : "";
		const marks = {
			events: events.value ?? [],
			episodes: known.recording?.episodes ?? [],
			selected: rowsSelected,
			moment: now,
			unit: unitMark && { ...unitMark, text },
			brush,
		};
		drawRasterMarks(pen, frame, marks);
		sheet.current = base.current && sheetOf(base.current, frame, marks);
	}, [size, bands, orders, start, stop, events.value, rowsSelected, now, picked, dark, brush]);

	const at = (event: MouseEvent): [number, number] => {
		const box = over.current?.getBoundingClientRect();
		return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
	};
	const rowAt = (x: number) =>
		Math.min(Math.max(start + Math.floor(((x - NAMES) / width) * (stop - start)), 0), rows - 1);
	const unitAt = (y: number): { layer: Layer; unit: number } | null => {
		const band = bands.find((each) => y - EVENTS >= each.top && y - EVENTS < each.top + each.height);
		const order = band && orders.get(band.item);
		if (!band || !order) return null;
		const row = Math.floor(((y - EVENTS - band.top) / band.height) * order.length);
		return { layer: band.item, unit: order[Math.min(row, order.length - 1)] as number };
	};
	const show = (next: [number, number] | null) => {
		stretch.value = next;
	};
	const [pointed, setPointed] = useState<{ x: number; y: number } | null>(null);
	const under = pointed && pointed.x >= NAMES ? unitAt(pointed.y) : null;
	const underRow = pointed ? rowAt(pointed.x) : 0;
	const value = useAnswer(
		() => (under ? readUnit(under.layer.activity, under.unit, underRow, underRow + 1) : null),
		[under?.layer, under?.unit, underRow],
	);
	const down = (event: PointerEvent) => {
		const [x, y] = at(event);
		if (event.button !== 0 || x < NAMES) return;
		over.current?.setPointerCapture(event.pointerId);
		drag.current = { x, y, far: false, selects: event.shiftKey, from: shown };
		setPointed(null);
	};
	const move = (event: PointerEvent) => {
		const [x, y] = at(event);
		const held = drag.current;
		if (!held) {
			setPointed({ x, y });
			return;
		}
		if (!held.far && Math.abs(x - held.x) < 4) return;
		held.far = true;
		if (held.selects) setBrush([Math.min(rowAt(held.x), rowAt(x)), Math.max(rowAt(held.x), rowAt(x))]);
		else show(shifted(held.from, rows, ((held.x - x) / width) * (held.from[1] - held.from[0])));
	};
	const up = (event: PointerEvent) => {
		const held = drag.current;
		drag.current = null;
		if (held?.far && brush) select(`rows:${brush.join("-")}`, event.ctrlKey || event.metaKey);
		if (held && !held.far) {
			goTo(rowAt(held.x));
			const found = unitAt(held.y);
			if (found) pickUnit(found.layer.name, found.unit);
		}
		setBrush(null);
	};
	useEffect(() => {
		const canvas = over.current;
		const wheel = (event: WheelEvent) => {
			event.preventDefault();
			const share = Math.min(Math.max((at(event)[0] - NAMES) / width, 0), 1);
			show(stretched(shown, rows, Math.exp(event.deltaY * 0.0015), share));
		};
		canvas?.addEventListener("wheel", wheel, { passive: false });
		return () => canvas?.removeEventListener("wheel", wheel);
	});
	const step = (by: number) => {
		const all = layers.flatMap((layer) => (orders.get(layer) ?? []).map((number) => ({ layer, number })));
		const here = all.findIndex((each) => each.layer.name === picked?.layer && each.number === picked.unit);
		const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
		if (next) pickUnit(next.layer.name, next.number);
	};
	const key = (event: KeyboardEvent) => {
		const middle = Math.min(Math.max((now - start) / (stop - start), 0), 1);
		const moves: Record<string, () => void> = {
			ArrowLeft: () => show(shifted(shown, rows, -(stop - start) / 10)),
			ArrowRight: () => show(shifted(shown, rows, (stop - start) / 10)),
			ArrowUp: () => step(-1),
			ArrowDown: () => step(1),
			"+": () => show(stretched(shown, rows, 1 / 1.5, middle)),
			"=": () => show(stretched(shown, rows, 1 / 1.5, middle)),
			"-": () => show(stretched(shown, rows, 1.5, middle)),
			"0": () => show(null),
			Enter: () => goTo((start + stop) / 2),
		};
		const run = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
		if (!run) return;
		event.preventDefault();
		event.stopPropagation();
		run();
	};
	const units = layers.reduce((sum, each) => sum + each.units, 0);
	const described = `Activity of ${count(units)} units of ${layers.length} layers, decisions ${start} to ${stop - 1}. Left and right move in time, up and down pick units, plus and minus zoom, Enter goes to the middle.`;
	return (
		<div
			class="raster-plot"
			ref={place}
			role="application"
			aria-label={described}
			// biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
			tabIndex={0}
			onKeyDown={key}
		>
			<canvas ref={base} />
			<canvas
				ref={over}
				onPointerDown={down}
				onPointerMove={move}
				onPointerUp={up}
				onPointerCancel={() => {
					drag.current = null;
					setBrush(null);
				}}
				onPointerLeave={() => setPointed(null)}
				onDblClick={() => show(null)}
			/>
			{pointed && under && known.recording && (
				<div
					class="raster-hint"
					style={{
						left: `${pointed.x > size.width / 2 ? pointed.x - 10 : pointed.x + 14}px`,
						top: `${Math.min(pointed.y, size.height - 44)}px`,
						transform: pointed.x > size.width / 2 ? "translateX(-100%)" : "none",
					}}
				>
					<div>
						{under.layer.title}, unit {under.unit}
						{value.value && !value.isWaiting ? `: ${say(value.value[0] as number)} ${under.layer.number_units}` : ""}
					</div>
					<div>{sayMoment(known.recording, episodeAt(underRow), underRow)}</div>
				</div>
			)}
		</div>
	);
}

/** Picture and marks; in an SVG the picture is an image, all else lines and letters. */
function sheetOf(base: HTMLCanvasElement, frame: Frame, marks: RasterMarks): Sheet {
	const { width, height } = frame.size;
	const draw = (pen: Pen) => {
		pen.fillStyle = frame.ink.paper;
		pen.fillRect(0, 0, width, height);
		pen.drawImage(base, 0, 0, width, height);
		drawRasterMarks(pen, frame, marks);
	};
	return { width, height, draw };
}
