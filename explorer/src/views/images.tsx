import { View } from "../parts/view";

export function Images() {
	return <View name="images" title="Images" />;
}
