"""Nets with seeded random weights, as PyTorch modules and example inputs."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision


class Attention(nn.Module):
    """Multi-head attention written out, as most published models do."""

    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.inner = nn.Linear(width, 3 * width)
        self.outer = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in self.inner(x).split(width, dim=2))
        weights = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        if self.causal:
            mask = torch.tril(torch.ones(length, length)).view(1, 1, length, length)
            weights = weights.masked_fill(mask == 0, -1e4)
        y = weights.softmax(-1) @ v
        return self.outer(y.transpose(1, 2).reshape(batch, length, width))


class Gpt2Block(nn.Module):
    """Embeddings, one block with causal attention (norm before), and the head over the vocabulary."""

    def __init__(self, vocabulary=1000, width=256, heads=8, length=64):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width, heads, causal=True)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.register_buffer("positions", torch.arange(length))

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places(self.positions)
        x = x + self.attention(self.norm1(x))
        y = self.wide(self.norm2(x))
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y ** 3)))
        return self.head(self.norm3(x + self.narrow(y)))


class BertLayer(nn.Module):
    """One encoder layer of BERT-base: norm behind, exact GELU."""

    def __init__(self, width=768, heads=12):
        super().__init__()
        self.attention = Attention(width, heads, causal=False)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.narrow(F.gelu(self.wide(x))))


class Lstm(nn.Module):
    """Two layers, both directions, and a classifier over the last step."""

    def __init__(self, width=40, hidden=64, classes=12):
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        y, _ = self.lstm(x)
        return F.log_softmax(self.head(y[:, -1]), dim=-1)


class UNet(nn.Module):
    """Three levels: convolutions with batch norm, max pools down, transposed convolutions and joins up."""

    def __init__(self, channels=16):
        super().__init__()
        c = channels
        self.down1, self.down2, self.middle = self.pair(3, c), self.pair(c, 2 * c), self.pair(2 * c, 4 * c)
        self.up2, self.up1 = nn.ConvTranspose2d(4 * c, 2 * c, 2, 2), nn.ConvTranspose2d(2 * c, c, 2, 2)
        self.join2, self.join1 = self.pair(4 * c, 2 * c), self.pair(2 * c, c)
        self.out = nn.Conv2d(c, 2, 1)

    @staticmethod
    def pair(inside, outside):
        return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(),
                             nn.Conv2d(outside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU())

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        y = self.up2(self.middle(F.max_pool2d(b, 2)))
        y = self.up1(self.join2(torch.cat([y, b], 1)))
        return torch.sigmoid(self.out(self.join1(torch.cat([y, a], 1))))


def vision(name):
    return lambda: getattr(torchvision.models, name)(weights=None)


NETS = {
    "resnet18": (vision("resnet18"), lambda: torch.rand(1, 3, 224, 224)),
    "mobilenet_v2": (vision("mobilenet_v2"), lambda: torch.rand(1, 3, 224, 224)),
    "vit_b_16": (vision("vit_b_16"), lambda: torch.rand(1, 3, 224, 224)),
    "gpt2_block": (Gpt2Block, lambda: torch.randint(0, 1000, (1, 64), dtype=torch.int32)),
    "lstm": (Lstm, lambda: torch.rand(1, 50, 40)),
    "unet": (UNet, lambda: torch.rand(1, 3, 96, 96)),
    "bert_layer": (BertLayer, lambda: torch.rand(1, 128, 768)),
}


def make(name, seed=1):
    """The module in inference mode, and an example input. Statistics of batch norms are random too."""
    torch.manual_seed(seed)
    build, example = NETS[name]
    module = build().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.2, 0.2)
        if isinstance(part, nn.Linear) and not part.weight.any():  # heads that start as zeros
            nn.init.normal_(part.weight, std=0.02)
    return module, example()
