/** How differently two agents would act, and the stimuli in the order of that. */

import type { AgentsPanel } from "../data/schema";

type Agent = AgentsPanel["agents"][number];

/** Both have an actor, and the same actions. */
export function actAlike(one: Agent, other: Agent): boolean {
	const names = (agent: Agent) => agent.heads.flatMap((head) => [head.kind, head.name, ...head.outputs]).join("\n");
	return one.outputs !== null && other.outputs !== null && names(one) === names(other);
}

/** Mean over heads of the total variation distance at each stimulus; NaN for continuous actions. */
export function distances(agent: Agent, one: ArrayLike<number>, other: ArrayLike<number>, count: number): Float32Array {
	const width = agent.heads.reduce((sum, head) => sum + head.outputs.length, 0);
	return Float32Array.from({ length: count }, (_, row) => {
		let [at, sum] = [row * width, 0];
		for (const head of agent.heads) {
			if (head.kind === "gaussian") return Number.NaN;
			for (let i = 0; i < head.outputs.length; i++)
				sum += Math.abs((one[at + i] ?? Number.NaN) - (other[at + i] ?? Number.NaN)) / 2;
			at += head.outputs.length;
		}
		return sum / Math.max(1, agent.heads.length);
	});
}

/** Numbers of the stimuli, from the one at which they differ most; as they came where that is not known. */
export function mostApart(found: Float32Array): number[] {
	const order = Array.from(found, (_, row) => row);
	return order.sort((a, b) => (found[b] || 0) - (found[a] || 0) || a - b);
}
