// @vitest-environment happy-dom

import { expect, test, vi } from "vitest";
import { type Pen, SvgPen, svgOfSheet } from "../src/parts/svg_pen";

const written = (draw: (pen: Pen) => void): string =>
	new XMLSerializer().serializeToString(svgOfSheet({ width: 100, height: 50, draw }));

test("letters stay letters, and names of anyone are no markup", () => {
	const text = written((pen) => {
		pen.font = "600 13px system-ui";
		pen.textAlign = "right";
		pen.textBaseline = "middle";
		pen.fillStyle = "#123456";
		pen.fillText('<img src=x onerror="alert(1)">', 10, 20);
	});
	expect(text).not.toContain("<img");
	expect(text).toContain("&lt;img");
	for (const each of ['text-anchor="end"', 'font-weight="600"', 'font-size="13px"', 'fill="#123456"', 'y="24.55"'])
		expect(text).toContain(each);
});

test("lines, areas and circles are paths, as opaque and as dashed as drawn", () => {
	const pen = new SvgPen(100, 50);
	pen.globalAlpha = 0.3;
	pen.setLineDash([2, 4]);
	pen.beginPath();
	pen.moveTo(1, 2);
	pen.lineTo(3.456, 4);
	pen.stroke();
	pen.globalAlpha = 1;
	pen.beginPath();
	pen.arc(10, 10, 5);
	pen.closePath();
	pen.fill();
	const [line, circle] = [...pen.drawing.children];
	expect(line?.getAttribute("d")).toBe("M1 2L3.46 4");
	expect(line?.getAttribute("opacity")).toBe("0.3");
	expect(line?.getAttribute("stroke-dasharray")).toBe("2 4");
	expect(circle?.getAttribute("d")).toBe("M5 10a5 5 0 1 0 10 0a5 5 0 1 0 -10 0ZZ");
});

test("what was saved comes back", () => {
	const pen = new SvgPen(10, 10);
	pen.save();
	pen.globalAlpha = 0.2;
	pen.fillStyle = "red";
	pen.restore();
	pen.fillRect(0, 0, 1, 1);
	expect(pen.drawing.firstElementChild?.getAttribute("fill")).toBe("#000000");
	expect(pen.drawing.firstElementChild?.hasAttribute("opacity")).toBe(false);
});

test("a picture is an image, and an empty one is none", () => {
	const canvas = document.createElement("canvas");
	vi.spyOn(canvas, "toDataURL").mockReturnValue("data:image/png;base64,AAAA");
	const pen = new SvgPen(10, 10);
	canvas.width = 0;
	pen.drawImage(canvas, 0, 0, 5, 5);
	expect(pen.drawing.children).toHaveLength(0);
	[canvas.width, canvas.height] = [4, 4];
	pen.drawImage(canvas, 1, 2, 5, 6);
	const image = pen.drawing.firstElementChild;
	expect(image?.getAttribute("href")).toBe("data:image/png;base64,AAAA");
	expect(["x", "y", "width", "height"].map((each) => image?.getAttribute(each))).toEqual(["1", "2", "5", "6"]);
});
