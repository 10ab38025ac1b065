import { View } from "../parts/view";

export function Notes() {
	return <View name="notes" title="Notes" />;
}
