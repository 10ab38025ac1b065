/** The points of an embedding on three canvases: all points, those that are selected, and the marks over them. */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Index } from "../data/schema";
import { fitted, panned, placingOf, toData, toScreen, zoomed } from "../parts/camera";
import { sayShade } from "../parts/colouring";
import type { Rgb } from "../parts/colours";
import { drawMarks, nearestBefore, trailOf } from "../parts/embedding_marks";
import { type Corner, recipeOfLasso } from "../parts/lasso";
import { inkOf, isDark, penOf, useSize } from "../parts/screen";
import { type Shaded, tableOf } from "../parts/shading";
import { radiusOf, Splatter } from "../parts/splat";
import { Thumbnail } from "../parts/thumbnail";
import { count, sayMoment } from "../parts/words";
import { episodeAt, goTo, moment, select, selected } from "../state";
import type { Placed } from "./embedding";
import { useLooking } from "./embedding-looking";

interface Props {
	place: RefObject<HTMLDivElement>;
	known: Index;
	placed: Placed;
	shaded: Shaded;
}

/** While the view moves, no more points than this are drawn, every k-th of all. */
const MOVING = 150_000;
const REACH = 14;
/** How wide the hint is, as in the style sheet. */
const HINT = 190;
const NOT_MARKED: Rgb = [128, 128, 128];
const MARK: { light: Rgb; dark: Rgb } = { light: [179, 71, 0], dark: [240, 160, 96] };

export function Plot({ place, known, placed, shaded }: Props) {
	const canvases = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
	const [base, above, over] = canvases as [(typeof canvases)[0], (typeof canvases)[0], (typeof canvases)[0]];
	const size = useSize(place);
	const { width, height, density } = size;
	const { points, grid, rows, pointOf } = placed;
	const [isLassoing, setLassoing] = useState(false);
	const [line, setLine] = useState<Corner[]>([]);
	const [hovered, setHovered] = useState(-1);
	const splatter = useMemo(() => new Splatter(), []);
	const drag = useRef<{ x: number; y: number; far: boolean; lasso: boolean } | null>(null);
	const all = fitted(grid.bounds, width, height);
	const { camera, isAll, isMoving, look } = useLooking(points, all);
	const dark = isDark.value;
	const rowsSelected = selected.value;
	const now = moment.value;
	const isReady = width > 0 && height > 0;

	const draw = (canvas: HTMLCanvasElement | null, what: Parameters<Splatter["draw"]>[1], stride: number) => {
		const pen = canvas && penOf(canvas, size);
		if (!canvas || !pen || !canvas.width || !canvas.height) return;
		const image = pen.createImageData(canvas.width, canvas.height);
		const radius = radiusOf(rows.length, width, height, camera.scale / all.scale, density);
		splatter.draw(image, what, placingOf(camera, width, height, density), radius, stride);
		pen.putImageData(image, 0, 0);
	};

	useLayoutEffect(() => {
		if (!isReady) return;
		const stride = isMoving ? Math.ceil(rows.length / MOVING) : 1;
		const table = tableOf(shaded.key, dark);
		const isClasses = shaded.key.kind === "classes";
		draw(base.current, { points, shades: shaded.shades, table, isClasses, plain: NOT_MARKED }, stride);
	}, [
		points,
		shaded,
		camera.x,
		camera.y,
		camera.scale,
		width,
		height,
		density,
		dark,
		isMoving && rows.length > MOVING,
	]);

	const marked = useMemo(() => {
		if (!rowsSelected) return null;
		const found = new Float32Array(2 * rowsSelected.length);
		let at = 0;
		for (let i = 0; i < rowsSelected.length; i++) {
			const point = pointOf[rowsSelected[i] as number] as number;
			if (point < 0) continue;
			found[at++] = points[2 * point] as number;
			found[at++] = points[2 * point + 1] as number;
		}
		return found.subarray(0, at);
	}, [rowsSelected, pointOf, points]);

	useLayoutEffect(() => {
		if (!isReady || !above.current) return;
		if (!marked) {
			penOf(above.current, size);
			return;
		}
		const table = new Uint8Array(768);
		table.set(MARK[dark ? "dark" : "light"]);
		const stride = isMoving ? Math.ceil(marked.length / 2 / MOVING) || 1 : 1;
		const shades = new Uint8Array(marked.length / 2);
		draw(above.current, { points: marked, shades, table, isClasses: false, plain: NOT_MARKED }, stride);
	}, [marked, camera.x, camera.y, camera.scale, width, height, density, dark, isMoving && rows.length > MOVING]);

	const start = known.recording?.episodes[episodeAt(now)]?.start ?? 0;
	const isExact = (pointOf[now] ?? -1) >= 0;
	useLayoutEffect(() => {
		const pen = isReady && over.current ? penOf(over.current, size) : null;
		if (!pen || !over.current) return;
		const canvas = over.current;
		const ink = {
			ink: inkOf(canvas, "--ink"),
			paper: inkOf(canvas, "--paper"),
			mark: inkOf(canvas, "--mark"),
			accent: inkOf(canvas, "--accent"),
		};
		const nearest = isExact ? now : nearestBefore(pointOf, now, start);
		const trail = nearest < 0 ? [] : trailOf(pointOf, nearest, start);
		drawMarks(pen, { points, camera, size, trail, isExact, hovered, lasso: line, ink });
	}, [points, now, hovered, line, camera.x, camera.y, camera.scale, width, height, density, dark]);

	const at = (event: MouseEvent): [number, number] => {
		const box = over.current?.getBoundingClientRect();
		return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
	};
	const under = (x: number, y: number, reach = REACH) =>
		grid.nearest(...toData(camera, width, height, x, y), reach / camera.scale);

	const down = (event: PointerEvent) => {
		if (event.button !== 0) return;
		const [x, y] = at(event);
		const lasso = isLassoing || event.shiftKey;
		drag.current = { x, y, far: false, lasso };
		over.current?.setPointerCapture(event.pointerId);
		place.current?.focus();
		setHovered(-1);
		if (lasso) setLine([toData(camera, width, height, x, y)]);
	};
	const move = (event: PointerEvent) => {
		const [x, y] = at(event);
		const held = drag.current;
		if (!held) {
			setHovered(under(x, y));
			return;
		}
		if (!held.far && Math.hypot(x - held.x, y - held.y) < 4) return;
		held.far = true;
		if (held.lasso) setLine((before) => [...before, toData(camera, width, height, x, y)]);
		else {
			look(panned(camera, x - held.x, y - held.y));
			[held.x, held.y] = [x, y];
		}
	};
	const up = (event: PointerEvent) => {
		const held = drag.current;
		drag.current = null;
		if (!held) return;
		if (held.lasso && held.far) {
			const recipe = recipeOfLasso(placed.panel.name, line, 1 / camera.scale);
			if (recipe) select(recipe, event.ctrlKey || event.metaKey);
		} else if (!held.far) {
			const point = under(held.x, held.y);
			if (point >= 0) goTo(rows[point] as number);
		}
		setLine([]);
	};
	// Added by hand: a wheel listener that prevents scrolling must not be passive.
	useEffect(() => {
		const canvas = over.current;
		const wheel = (event: WheelEvent) => {
			event.preventDefault();
			look(zoomed(camera, all, [width, height], Math.exp(-event.deltaY * 0.0015), ...at(event)));
		};
		canvas?.addEventListener("wheel", wheel, { passive: false });
		return () => canvas?.removeEventListener("wheel", wheel);
	});
	const key = (event: KeyboardEvent) => {
		const step = 40;
		const moves: Record<string, () => void> = {
			ArrowLeft: () => look(panned(camera, step, 0)),
			ArrowRight: () => look(panned(camera, -step, 0)),
			ArrowUp: () => look(panned(camera, 0, step)),
			ArrowDown: () => look(panned(camera, 0, -step)),
			"+": () => look(zoomed(camera, all, [width, height], 1.3)),
			"=": () => look(zoomed(camera, all, [width, height], 1.3)),
			"-": () => look(zoomed(camera, all, [width, height], 1 / 1.3)),
			"0": () => look(null),
			Enter: () => {
				const point = under(width / 2, height / 2, Number.POSITIVE_INFINITY);
				if (point >= 0) goTo(rows[point] as number);
			},
			Escape: () => {
				drag.current = null;
				setLine([]);
				setLassoing(false);
			},
		};
		// On a button inside of the picture Enter is the button's own.
		if (event.key === "Enter" && event.target !== place.current) return;
		const run = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
		if (!run) return;
		event.preventDefault();
		event.stopPropagation();
		run();
	};

	const recording = known.recording;
	const hoveredRow = hovered >= 0 ? (rows[hovered] as number) : -1;
	const [hintX, hintY] =
		hovered >= 0
			? toScreen(camera, width, height, points[2 * hovered] as number, points[2 * hovered + 1] as number)
			: [0, 0];
	const described = `${count(rows.length)} moments as points, ${placed.panel.title}, ${
		shaded.title ? `coloured by ${shaded.title}` : "without colour"
	}${marked ? `; ${count(marked.length / 2)} selected` : ""}. Arrows move, plus and minus zoom, Enter picks the point in the middle.`;
	return (
		<div
			class="embedding-plot"
			ref={place}
			role="application"
			aria-label={described}
			// biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
			tabIndex={0}
			onKeyDown={key}
		>
			<canvas ref={base} class={marked ? "dimmed" : ""} />
			<canvas ref={above} />
			<canvas
				ref={over}
				class={isLassoing ? "over lassoing" : "over"}
				onPointerDown={down}
				onPointerMove={move}
				onPointerUp={up}
				onPointerCancel={() => {
					drag.current = null;
					setLine([]);
				}}
				onPointerLeave={() => setHovered(-1)}
				onDblClick={() => look(null)}
			/>
			<div class="embedding-tools">
				<button
					type="button"
					aria-pressed={isLassoing}
					title="Draw around points to select them (or hold Shift and drag; with Ctrl too, the selection grows)"
					onClick={() => setLassoing(!isLassoing)}
				>
					Lasso
				</button>
				{!isAll && (
					<button type="button" onClick={() => look(null)}>
						Show all
					</button>
				)}
			</div>
			{!isExact && (
				<p class="embedding-without">
					This moment has no point here
					{nearestBefore(pointOf, now, start) >= 0 && "; the ring is at the last one before it"}.
				</p>
			)}
			{recording && hoveredRow >= 0 && (
				<div
					class="embedding-hint"
					style={{
						left: `${hintX > width / 2 ? Math.max(hintX - 12 - HINT, 0) : Math.min(hintX + 12, Math.max(width - HINT, 0))}px`,
						top: `${Math.min(Math.max(hintY, 60), Math.max(height - 70, 60))}px`,
						transform: "translateY(-50%)",
					}}
				>
					{recording.frames && <Thumbnail frames={recording.frames} row={hoveredRow} width={120} />}
					<div>{sayMoment(recording, episodeAt(hoveredRow), hoveredRow)}</div>
					<div>{sayShade(shaded, hovered)}</div>
				</div>
			)}
		</div>
	);
}
