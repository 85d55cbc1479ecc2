/** The thirteen data sets of NanoBEIR, 50 queries (one 49) and at most some thousand documents each, by their short names. */
export const nanoBeirRepositories: Readonly<Record<string, string>> = {
  arguana: "zeta-alpha-ai/NanoArguAna",
  climatefever: "zeta-alpha-ai/NanoClimateFEVER",
  dbpedia: "zeta-alpha-ai/NanoDBPedia",
  fever: "zeta-alpha-ai/NanoFEVER",
  fiqa2018: "zeta-alpha-ai/NanoFiQA2018",
  hotpotqa: "zeta-alpha-ai/NanoHotpotQA",
  msmarco: "zeta-alpha-ai/NanoMSMARCO",
  nfcorpus: "zeta-alpha-ai/NanoNFCorpus",
  nq: "zeta-alpha-ai/NanoNQ",
  quoraretrieval: "zeta-alpha-ai/NanoQuoraRetrieval",
  scidocs: "zeta-alpha-ai/NanoSCIDOCS",
  scifact: "zeta-alpha-ai/NanoSciFact",
  touche2020: "zeta-alpha-ai/NanoTouche2020",
};
