"""The pages of what makes the table smaller, and of few bits a number."""

from ..lers.grids import CACHED, SMALLER, SMALLER_IN_BYTES
from . import forms
from .entry import OTHER_WALK, TABLE5, Entry

OF_TABLES: dict[str, Entry] = {
    "smaller_dense": Entry(
        "A smaller dense table",
        "table",
        forms.fewer_dimensions_form,
        r"e_i = E[i] \in \mathbb R^{d},\qquad d < D",
        "Nothing has to be found, nothing added to the code, and training and scoring get faster by the "
        "same share. Whole dimensions are coarse: of 16, 1 is the nearest to a twentieth.",
        methods=("smaller_dense",),
        arms=(SMALLER, SMALLER_IN_BYTES),
        cites=("tran2025thorough",),
        pages=(TABLE5,),
    ),
    "hashing": Entry(
        "Hashing",
        "table",
        forms.hashing_form,
        r"e_i = E[h(i) \bmod b]",
        "Any size can be had, at no cost, and ids never seen need no row. Ids that share a row can't be "
        "told apart, which hurts where each of them is frequent.",
        methods=("table",),
        tables=("hashing",),
        arms=("hashing",),
        cites=("weinberger2009hashing",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "qr": Entry(
        "QR",
        "table",
        forms.qr_form,
        r"e_i = E_1[i \bmod p] \odot E_2[\lfloor i/p \rfloor]",
        "No two ids share their vector, at any size down to about 2√n rows, and a look-up is two rows and "
        "a product. Ids that share a factor are not independent, whatever they mean.",
        methods=("table",),
        tables=("qr",),
        arms=("QR",),
        cites=("shi2020compositional",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "tt_rec": Entry(
        "TT-Rec",
        "table",
        forms.tt_rec_form,
        r"e_i = G_1[i_1]\, G_2[i_2] \cdots G_t[i_t],\qquad i = (i_1, \dots, i_t) \text{ in mixed radix}",
        "It goes far down, since a product of small cores stands for a large table. Each vector has to be "
        "worked out, and digits of an id mean nothing, so that neighbours share slices by accident. A "
        "cache of the most frequent rows helps both.",
        methods=("table",),
        tables=("tt_rec",),
        arms=("TT-Rec", CACHED),
        cites=("yin2021ttrec",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "dhe": Entry(
        "DHE",
        "table",
        forms.dhe_form,
        r"e_i = \mathrm{MLP}\big(2h_1(i)/(M-1) - 1, \dots, 2h_k(i)/(M-1) - 1\big)",
        "Its size does not depend on the number of ids at all, and new ids have a vector at once. The "
        "network is run for every id, in training as in scoring, unless rows are worked out once and kept, "
        "which is a plain table again.",
        methods=("table",),
        tables=("dhe",),
        arms=("DHE",),
        cites=("kang2021dhe",),
        pages=(TABLE5, OTHER_WALK, "lers_code_and_text"),
    ),
    "memcom": Entry(
        "MEmCom",
        "table",
        forms.memcom_form,
        r"e_i = U[i \bmod b] \cdot V[i]\; (+\, W[i])",
        "Shared rows that one number apiece tells apart. A number an id is the floor, "
        "so of 16 dimensions no more than 94 % can go.",
        methods=("table",),
        tables=("memcom",),
        arms=("MEmCom",),
        cites=("pansare2022memcom",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "mixed_dimension": Entry(
        "Mixed dimension",
        "table",
        forms.mixed_dimension_form,
        r"e_i = E_f[i]\, P_f,\qquad d_f = \operatorname{round}(\lambda\, n_f^{-\alpha})",
        "Large fields, most of whose values are rare, get short rows by a rule; nothing is searched. A "
        "number an id is the floor.",
        methods=("table",),
        tables=("mixed_dimension",),
        arms=("mixed dimension",),
        cites=("ginart2021mixed",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "autodim": Entry(
        "AutoDim",
        "table",
        forms.mixed_dimension_form,
        r"\min_\alpha L_{\mathrm{val}},\quad e'_f = \sum_d \operatorname{softmax}\big("
        r"(\log\alpha_f + g)/t\big)_d\,\mathrm{BN}(W_d\, e_f^{(d)}),\quad d_f = \arg\max_d \alpha_{fd}",
        "Widths of fields by gradients instead of by a rule. The search holds all candidates at once; what "
        "it finds may be smaller than what was asked.",
        methods=("autodim",),
        arms=("AutoDim",),
        cites=("zhao2021autodim",),
        pages=(TABLE5,),
    ),
    "sseds": Entry(
        "SSEDS",
        "table",
        forms.columns_of_fields_form,
        r"s_{fd} = \mathbb E\,\big|\,\partial L / \partial \alpha_{fd}\,\big|_{\alpha = 1}",
        "One training and one pass of gradients serve every size. Columns of a field are stored without an "
        "index, so its bytes are its numbers. One-shot scores of a trained table say little where nearly "
        "all goes.",
        methods=("sseds",),
        arms=("SSEDS",),
        cites=("qu2022sseds",),
        pages=(TABLE5,),
    ),
    "pep": Entry(
        "PEP",
        "table",
        forms.pep_form,
        r"\hat e = \operatorname{sign}(v)\,\max(0, |v| - \sigma(s))",
        "Single numbers go, wherever they are, and what stays is trained again from its start. An index of "
        "a few bytes a row comes on top, which weighs most where nearly all goes.",
        methods=("pep",),
        arms=("PEP",),
        cites=("liu2021pep",),
        pages=(TABLE5, OTHER_WALK, "lers_code_and_text"),
    ),
    "magprune": Entry(
        "MagPrune",
        "table",
        forms.magprune_form,
        r"\hat e_{ij} = e_{ij}\,\big[\,|e_{ij}| \text{ among the } (1 - t)nD \text{ largest}\,\big]",
        "One training serves every size, and nothing has to be tuned. Nothing is trained afterwards "
        "either, so it loses most where most goes; large numbers are those of frequent ids.",
        methods=("magprune",),
        arms=("MagPrune",),
        cites=("tran2025thorough",),
        pages=(TABLE5, OTHER_WALK, "lers_fig2_frequency", "lers_fig6_weight_decay", "lers_fig5_nmin"),
    ),
    "deeplight": Entry(
        "DeepLight",
        "table",
        forms.deeplight_form,
        r"R_k = t\,(1 - 0.01^{k/K}) \quad\text{at zero after step } k \text{ of } K",
        "It prunes while it trains, so that what stays adapts; one training, and what went too early may "
        "grow back.",
        methods=("deeplight",),
        arms=("DeepLight",),
        cites=("deng2021deeplight",),
        pages=(TABLE5,),
    ),
    "dsl": Entry(
        "DSL",
        "table",
        forms.dsl_form,
        r"\text{drop the } \rho \text{ smallest } |w|,\ \text{grow as many"
        r" of largest } |\partial L/\partial w|",
        "No step holds more than the budget, so training is as small as serving. It starts with random "
        "places, and has to find better ones in the passes that there are.",
        methods=("dsl",),
        arms=("DSL",),
        cites=("wang2024dsl",),
        pages=(TABLE5,),
    ),
    "cerp": Entry(
        "CERP",
        "table",
        forms.cerp_form,
        r"e_i = \hat P[i \bmod b] + \hat Q[\lfloor i/\lceil n/b\rceil\rfloor],\qquad"
        r" L_p = -\lVert\tanh(\eta X)\rVert_F^2",
        "Composition and pruning together: few rows, and zeros in them. Two masks and two sums, and a "
        "regulariser whose weight has to be found.",
        methods=("cerp",),
        arms=("CERP",),
        cites=("liang2023cerp",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "quantise": Entry(
        "Few bits a number",
        "bits",
        forms.quantised_form,
        r"\hat w = o + s\,q,\qquad q \in \{0, \dots, 2^b - 1\},\qquad |w - \hat w| \le s/2",
        "It follows any method, needs no training, and multiplies with what that one saved: eight bits are "
        "a quarter of the bytes, four an eighth. Few even steps fit badly where a field has a few large "
        "numbers.",
        methods=("quantise",),
        cites=("jacob2018quantization",),
        pages=(OTHER_WALK, "your_data"),
    ),
}
