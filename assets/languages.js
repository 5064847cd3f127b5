// A link to another language keeps what else the address says, such as the theme.
for (const link of element.querySelectorAll(".languages a")) {
  const query = new URLSearchParams(location.search);
  query.set("lang", new URLSearchParams(link.getAttribute("href")).get("lang"));
  link.href = `?${query}`;
}
