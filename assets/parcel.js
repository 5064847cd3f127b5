// A file made on request arrives inside the page and is saved from here: the server keeps no copy.
watch("value", () => element.querySelector("a[download]")?.click());
