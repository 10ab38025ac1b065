import { describe, expect, it } from "vitest";
import { cameraOf, fitted, panned, placingOf, sayCamera, toData, toScreen, zoomed } from "../src/parts/camera";
import { nearestBefore, pointsOfMoments, trailOf } from "../src/parts/embedding_marks";
import { boundsOf, Grid } from "../src/parts/grid";
import { type Corner, MOST_CORNERS, recipeOfLasso, simplified } from "../src/parts/lasso";
import { classesOf, headingKey, numbersKey, quantiles, shadesOf, tableOf } from "../src/parts/shading";
import { PLAIN, radiusOf, Splatter } from "../src/parts/splat";
import { isInside } from "../src/selection";

/** The same numbers every time. */
function noise(count: number): Float32Array {
	let state = 1;
	return Float32Array.from({ length: count }, () => {
		state = (state * 48271) % 2147483647;
		return state / 2147483647;
	});
}

describe("grid", () => {
	it("finds the same nearest points as looking at all, also from outside", () => {
		const points = noise(4000).map((value, i) => (i % 2 ? value * 0.1 : value));
		const grid = new Grid(points);
		const places = noise(200).map((value) => value * 3 - 1);
		for (let i = 0; i < places.length; i += 2) {
			const [x, y] = [places[i] as number, places[i + 1] as number];
			let [best, closest] = [-1, Number.POSITIVE_INFINITY];
			for (let k = 0; k < points.length / 2; k++) {
				const far = ((points[2 * k] as number) - x) ** 2 + ((points[2 * k + 1] as number) - y) ** 2;
				if (far < closest) [best, closest] = [k, far];
			}
			expect(grid.nearest(x, y)).toBe(best);
			expect(grid.nearest(x, y, Math.sqrt(closest) * 0.99)).toBe(-1);
		}
	});
	it("leaves out what is no number, and knows a single point", () => {
		const grid = new Grid(Float32Array.from([Number.NaN, 1, 2, 3]));
		expect(grid.nearest(0, 0)).toBe(1);
		expect(new Grid(new Float32Array(0)).nearest(0, 0)).toBe(-1);
		const { left, right } = boundsOf(Float32Array.from([2, 3]));
		expect(right).toBeGreaterThan(left);
	});
});

describe("lasso", () => {
	it("leaves out corners on a line", () => {
		const line: Corner[] = [
			[0, 0],
			[1, 0.001],
			[2, 0],
			[2, 2],
		];
		expect(simplified(line, 0.01)).toEqual([
			[0, 0],
			[2, 0],
			[2, 2],
		]);
	});
	it("is short and encloses nearly the same points", () => {
		const jitter = noise(4000);
		const line: Corner[] = Array.from({ length: 2000 }, (_, i) => {
			const turn = (i / 2000) * 2 * Math.PI;
			const far = 5 + 0.3 * (jitter[i] as number);
			return [far * Math.cos(turn), far * Math.sin(turn)];
		});
		const recipe = recipeOfLasso("t-SNE of lstm", line, 0.02);
		const [kind, panel, corners] = recipe.split(":") as [string, string, string];
		expect([kind, decodeURIComponent(panel)]).toEqual(["points", "t-SNE of lstm"]);
		const polygon = corners.split(";").map((corner) => corner.split(",").map(Number));
		expect(polygon.length).toBeLessThanOrEqual(MOST_CORNERS);
		expect(recipe.length).toBeLessThan(800);
		const places = noise(2000).map((value) => value * 14 - 7);
		let different = 0;
		for (let i = 0; i < places.length; i += 2) {
			const [x, y] = [places[i] as number, places[i + 1] as number];
			if (isInside(x, y, polygon) !== isInside(x, y, line)) different++;
		}
		expect(different).toBeLessThan(40);
	});
	it("is nothing where nothing is enclosed", () => {
		expect(
			recipeOfLasso(
				"a",
				[
					[0, 0],
					[0.001, 0],
				],
				0.1,
			),
		).toBe("");
	});
});

describe("camera", () => {
	it("stands in an address, so that another window shows the same", () => {
		const bounds = { left: -3, right: 5, bottom: 0, top: 4 };
		const all = fitted(bounds, 640, 480);
		const camera = panned(zoomed(all, all, [640, 480], 37.5, 100, 77), 12, -3);
		const text = sayCamera(camera, all);
		const found = cameraOf(text, all);
		for (const each of ["x", "y"] as const) expect(found?.[each]).toBeCloseTo(camera[each], 5);
		expect(found?.scale).toBeCloseTo(camera.scale, 3);
		const larger = fitted(bounds, 1280, 960);
		expect((cameraOf(text, larger)?.scale ?? 0) / larger.scale).toBeCloseTo(37.5, 4);
		for (const broken of ["", "1,2", "1,2,x", "1,2,0", "1,2,3,4", "NaN,1,2"]) expect(cameraOf(broken, all)).toBeNull();
		expect(cameraOf("0,0,1e9", all)?.scale).toBe(1000 * all.scale);
	});
	const all = fitted({ left: 0, right: 10, bottom: -2, top: 2 }, 400, 300);
	it("goes to the screen and back, up being up", () => {
		const [x, y] = toScreen(all, 400, 300, 7, 1);
		expect(y).toBeLessThan(150);
		const back = toData(all, 400, 300, x, y);
		expect(back[0]).toBeCloseTo(7);
		expect(back[1]).toBeCloseTo(1);
		const { scale, left, top } = placingOf(all, 400, 300, 2);
		expect(7 * scale + left).toBeCloseTo(2 * x);
		expect(top - 1 * scale).toBeCloseTo(2 * y);
	});
	it("zooms around the pointer and moves with it", () => {
		const before = toData(all, 400, 300, 100, 50);
		const after = toData(zoomed(all, all, [400, 300], 3, 100, 50), 400, 300, 100, 50);
		expect(after[0]).toBeCloseTo(before[0]);
		expect(after[1]).toBeCloseTo(before[1]);
		const moved = toData(panned(all, 20, -10), 400, 300, 120, 40);
		expect(moved[0]).toBeCloseTo(before[0]);
		expect(moved[1]).toBeCloseTo(before[1]);
	});
});

describe("shading", () => {
	it("takes the 2nd to the 98th percentile and says what was cut", () => {
		const numbers = Float32Array.from({ length: 1001 }, (_, i) => i);
		expect(quantiles(numbers, 0.02)).toEqual([20, 980]);
		expect(numbersKey(numbers, "s")).toMatchObject({
			map: "sequential",
			low: 20,
			high: 980,
			isCut: true,
			hasPlain: false,
		});
	});
	it("is centred on zero where numbers lie on both sides", () => {
		const key = numbersKey(Float32Array.from([-1, -0.5, 0, 2, Number.NaN]), "");
		expect(key).toMatchObject({ map: "diverging", low: -2, high: 2, hasPlain: true });
		expect(headingKey(Float32Array.from([0, 350]), "degrees")).toMatchObject({ map: "cyclic", low: 0, high: 360 });
	});
	it("shows rare events, and nothing that is all the same as a range", () => {
		const rare = new Float32Array(1000);
		rare[3] = 1;
		expect(numbersKey(rare, "")).toMatchObject({ low: 0, high: 1 });
		const same = numbersKey(new Float32Array(10).fill(3), "");
		expect(same.high).toBeGreaterThan(same.low);
		expect(numbersKey(new Float32Array(3).fill(Number.NaN), "")).toMatchObject({ low: 0, high: 1, hasPlain: true });
	});
	it("gives what is no number no shade", () => {
		const shades = shadesOf(Float32Array.from([-5, 0, 5, 50, Number.NaN]), 0, 10);
		expect([...shades]).toEqual([0, 0, 127, 254, PLAIN]);
	});
	it("leaves the rarest classes without colours of their own", () => {
		const codes = Float32Array.from({ length: 120 }, (_, i) => (i < 12 ? i : i % 5));
		const names = Array.from({ length: 12 }, (_, i) => `action ${i}`);
		const { key, shades } = classesOf("action", codes, names, "other actions");
		if (key.kind !== "classes") throw new Error("classes expected");
		expect(key.classes).toHaveLength(7);
		expect(key.plain).toBe("other actions");
		expect(shades[11]).toBe(PLAIN);
		const table = tableOf(key, false);
		expect([...table.subarray(0, 3)]).toEqual(key.classes[0]?.colour);
	});
});

describe("splatting", () => {
	const image = (width: number, height: number) =>
		({ width, height, data: new Uint8ClampedArray(width * height * 4) }) as ImageData;
	const table = Uint8Array.from({ length: 768 }, (_, i) => (i % 3 === 0 ? i / 3 : 0));
	const at = (picture: ImageData, x: number, y: number) => [
		...picture.data.subarray(4 * (y * picture.width + x), 4 * (y * picture.width + x) + 4),
	];
	const placing = { scale: 1, left: 0, top: 20 };
	it("draws a point where it is and nothing elsewhere", () => {
		const picture = image(20, 20);
		const what = { points: Float32Array.from([5.5, 14.5, Number.NaN, 1, 900, 1]), table, isClasses: false };
		new Splatter().draw(
			picture,
			{ ...what, shades: Uint8Array.from([200, 1, 1]), plain: [128, 128, 128] },
			placing,
			1.5,
		);
		const [red, green, , opacity] = at(picture, 5, 5);
		expect([red, green]).toEqual([200, 0]);
		expect(opacity).toBeGreaterThan(150);
		expect(at(picture, 12, 12)).toEqual([0, 0, 0, 0]);
	});
	it("shows the mean of points that lie over one another, whatever their order", () => {
		for (const isClasses of [false, true])
			for (const shades of [
				[0, 100],
				[100, 0],
			]) {
				const picture = image(20, 20);
				const points = Float32Array.from([5.5, 14.5, 5.5, 14.5]);
				const what = { points, shades: Uint8Array.from(shades), table, isClasses, plain: [9, 9, 9] as const };
				new Splatter().draw(picture, what, placing, 1.5);
				expect(at(picture, 5, 5)[0]).toBe(50);
			}
	});
	it("draws what has no colour beneath", () => {
		const picture = image(20, 20);
		const points = new Float32Array(42).fill(5.5).map((value, i) => (i % 2 ? 14.5 : value));
		const shades = new Uint8Array(21).fill(PLAIN);
		shades[0] = 250;
		new Splatter().draw(picture, { points, shades, table, isClasses: false, plain: [0, 255, 0] }, placing, 1.5);
		expect(at(picture, 5, 5)[0]).toBeGreaterThan(80);
	});
	it("keeps nothing of the picture before, and has smaller points the more there are", () => {
		const splatter = new Splatter();
		const what = { table, isClasses: false, plain: [1, 1, 1] as const };
		splatter.draw(image(30, 30), { ...what, points: Float32Array.from([9, 9]), shades: new Uint8Array(1) }, placing, 2);
		const empty = image(20, 20);
		splatter.draw(empty, { ...what, points: new Float32Array(0), shades: new Uint8Array(0) }, placing, 2);
		expect(empty.data.every((value) => value === 0)).toBe(true);
		expect(radiusOf(1e6, 600, 400, 1, 1)).toBeLessThan(radiusOf(1e4, 600, 400, 1, 1));
	});
});

describe("the moment in an embedding", () => {
	const pointOf = pointsOfMoments(Int32Array.from([0, 2, 4, 6, 8]), 10);
	it("has a trail of its own episode", () => {
		expect(trailOf(pointOf, 6, 0)).toEqual([0, 1, 2, 3]);
		expect(trailOf(pointOf, 6, 4)).toEqual([2, 3]);
	});
	it("is at the last one that has a point", () => {
		expect(nearestBefore(pointOf, 5, 0)).toBe(4);
		expect(nearestBefore(pointOf, 5, 5)).toBe(-1);
	});
});
