// Where the graph is, and as whom it is asked: `make up` prints the address, `laurel token` a token.
export const url = process.env.LAUREL_URL ?? "http://127.0.0.1:8080/graphql";
export const headers = { authorization: `Bearer ${process.env.LAUREL_TOKEN}` };
