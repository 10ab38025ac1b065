import { View } from "../parts/view";

export function Embedding() {
	return <View name="embedding" title="Embedding" />;
}
