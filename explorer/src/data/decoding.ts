/** From the text of a chunk to numbers. */

import type { Column, Encoding } from "./schema";

export const BYTES: Record<Encoding, number> = { float32: 4, int32: 4, uint8: 1, code8: 1, code16: 2 };

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
	const raw = atob(text);
	const bytes = new Uint8Array(raw.length);
	for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
	return bytes;
}

/** Rows that chunk `number` of a column holds. */
export function rowsIn(column: Column, number: number): number {
	return Math.min(column.chunk_rows, column.rows - number * column.chunk_rows);
}

/** Codes as numbers; the highest code is NaN. `low` and `high` are those of one number of the row. */
export function decodeCodes(codes: Uint8Array | Uint16Array, low: number, high: number): Float32Array<ArrayBuffer> {
	const highest = codes instanceof Uint8Array ? 255 : 65535;
	const found = new Float32Array(codes.length);
	const step = (high - low) / (highest - 1);
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i] as number;
		found[i] = code === highest ? Number.NaN : low + code * step;
	}
	return found;
}

/** One chunk of a column as numbers, row after row. */
export function decodeChunk(column: Column, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
	const { buffer, byteOffset, byteLength } = bytes;
	const count = byteLength / BYTES[column.encoding];
	switch (column.encoding) {
		case "float32":
			return new Float32Array(buffer, byteOffset, count);
		case "int32":
			return Float32Array.from(new Int32Array(buffer, byteOffset, count));
		case "uint8":
			return Float32Array.from(bytes);
		default: {
			const codes = column.encoding === "code8" ? bytes : new Uint16Array(buffer, byteOffset, count);
			const low = column.low ?? [0];
			const high = column.high ?? [1];
			if (low.length === 1) return decodeCodes(codes, low[0] as number, high[0] as number);
			const highest = column.encoding === "code8" ? 255 : 65535;
			const found = new Float32Array(codes.length);
			for (let i = 0; i < codes.length; i++) {
				const code = codes[i] as number;
				const at = i % column.width;
				const least = low[at] as number;
				found[i] = code === highest ? Number.NaN : least + (code * ((high[at] as number) - least)) / (highest - 1);
			}
			return found;
		}
	}
}
