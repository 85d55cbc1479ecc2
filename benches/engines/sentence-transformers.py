"""sentence-transformers on torch, ONNX or OpenVINO. It sorts by length and tokenizes itself."""

from serve import serve, versions

from sentence_transformers import SentenceTransformer

PACKAGES = {
    "torch": ("torch",),
    "onnx": ("optimum-onnx", "onnxruntime"),
    "openvino": ("optimum-intel", "openvino"),
}


class Engine:
    sorts = True

    def load(self, request):
        backend, file = request["settings"]["backend"], request["settings"].get("file")
        device, dtype = request["settings"].get("device", "cpu"), request["settings"].get("dtype")
        threads = request["threads"]
        options = {"file_name": file} if file else {}
        if backend == "torch":
            import torch

            torch.set_num_threads(threads)
            if dtype:
                options["dtype"] = getattr(torch, dtype)
        elif backend == "onnx":
            import onnxruntime

            session = onnxruntime.SessionOptions()
            session.intra_op_num_threads = threads
            options.update(provider="CPUExecutionProvider", session_options=session)
        else:
            options.update(device="CPU", ov_config={"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
        self.model = SentenceTransformer(request["model"], device=device, backend=backend, model_kwargs=options)
        self.model.max_seq_length = request["limit"]
        return versions("sentence-transformers", "transformers", *PACKAGES[backend])

    def embed(self, texts, settings):
        return self.model.encode(texts, batch_size=settings["batch"], show_progress_bar=False)

    def one(self, text):
        return self.model.encode(text, show_progress_bar=False)


serve(Engine())
